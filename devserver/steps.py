"""Run several `vms` commands in one process.

Importing the service takes longer than most commands, so `vms dev` does it once for all that run
before the API: `python -m devserver.steps migrate dev-accounts "serve --port 8000"`. The first
failure ends the sequence.
"""

import importlib
import shlex
import sys


def run_steps(commands: list[str]) -> None:
    """Run the commands; raise SystemExit with the exit code of the first that fails."""
    # By name, since the command line is a layer above this one.
    cli = importlib.import_module("app.cli")
    for command in commands:
        sys.argv = ["vms", *shlex.split(command)]
        try:
            cli.main()
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    run_steps(sys.argv[1:])
