"""Several `vms` commands, one after the other, in one process.

Importing the service takes longer than most of its commands, so `vms dev` does it once for all
that come before the API: `python -m app.embedded.steps migrate dev-accounts "serve --port 8000"`.
The first that fails is the last.
"""

import importlib
import shlex
import sys


def run_steps(commands: list[str]) -> None:
    """Raises SystemExit with the exit code of the command that failed."""
    # By name, since the command line is a layer above this one: here it is a program to run.
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
