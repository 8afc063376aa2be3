"""Checks that migrations and models match, on an embedded server.

`--write MESSAGE` writes the missing migration.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app import migrations
from devserver.postgres import EmbeddedPostgres


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="vms-migrations-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres", durable=False)
        postgres.start()
        try:
            return _run(postgres.url("postgres"))
        finally:
            postgres.stop()


def _run(url: str) -> int:
    migrations.upgrade(url)
    if sys.argv[1:2] == ["--write"]:
        command.revision(_config(url), sys.argv[2], autogenerate=True)
        return 0
    try:
        migrations.check(url)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _config(url: str) -> Config:
    config = Config(Path(__file__).parent.parent / "alembic.ini")
    config.attributes["database_url"] = url
    return config


if __name__ == "__main__":
    sys.exit(main())
