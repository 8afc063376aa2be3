"""Run several `vms` commands in one process, since importing the service takes long.

Usage: `python -m devserver.steps migrate dev-accounts "serve --port 8000"`.
"""

import importlib
import shlex
import sys


def run_steps(commands: list[str]) -> None:
    """Run the commands; raise SystemExit if one fails."""
    # By name: the command line is a layer above.
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
