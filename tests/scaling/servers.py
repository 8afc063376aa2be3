"""The servers around the service in a larger installation.

They come from Debian's packages, with the files of deploy/ as an operator gets them except for
addresses.
"""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from devserver.postgres import EmbeddedPostgres
from devserver.process import Program
from devserver.server import Server
from tests.container.dockerfile import ROOT
from tests.e2e.installation import free_port

HOST = "visitors.example.com"
PASSWORD = "only for the machine of the test"
START_SECONDS = 20


class Postgres(EmbeddedPostgres):
    """Durable, and reached by TCP, since a pooler is in between."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.port = free_port()

    def _settings(self) -> list[str]:
        listen = ["listen_addresses=127.0.0.1", f"port={self.port}"]
        return [*super()._settings(), *listen]

    def url(self, database: str = "vms", user: str = "postgres") -> str:
        return f"postgresql+asyncpg://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def place(self) -> dict[str, str]:
        """Return the connection options of psql."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}


class PgBouncer(Server):
    """In transaction mode, before a primary and its replica."""

    def __init__(self, folder: Path, primary: Postgres, replica: Postgres) -> None:
        super().__init__("PgBouncer", folder / "logs" / "pgbouncer.log")
        self.folder, self.primary, self.replica = folder, primary, replica
        self.port = free_port()

    def url(self, database: str = "vms") -> str:
        address = f"postgresql://vms:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}"
        return f"{address}/{database}?pooler=transaction"

    def _prepare(self) -> Program:
        ini, users = self.folder / "pgbouncer.ini", self.folder / "userlist.txt"
        users.write_text(f'"vms" "{PASSWORD}"\n')
        settings = filled(
            ROOT / "deploy/pgbouncer/pgbouncer.ini",
            {
                "host=postgres port=5432": f"host=127.0.0.1 port={self.primary.port}",
                "host=postgres-replica port=5432": f"host=127.0.0.1 port={self.replica.port}",
                "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1",
                "listen_port = 6432": f"listen_port = {self.port}",
                "/etc/pgbouncer/userlist.txt": str(users),
            },
        )
        ini.write_text(settings)
        self.folder.chmod(0o755)
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command: list[str | Path] = [installed("pgbouncer"), *user, ini]
        return Program(self.name, command, stop_signal=signal.SIGINT, log=self.log)

    def _ready(self) -> bool:
        return listens(self.port)

    def _release(self) -> None:
        """Do nothing: there is nothing to release."""


class Nginx(Server):
    """With TLS, before two processes of the API."""

    def __init__(self, folder: Path, api_ports: tuple[int, int], more: str = "") -> None:
        super().__init__("nginx", folder / "logs" / "nginx.log")
        self.more = more
        self.folder, self.api_ports = folder, api_ports
        self.port = free_port()

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.pem"

    def _prepare(self) -> Program:
        key = self.folder / "tls.key"
        make_certificate(self.certificate, key)
        site = filled(
            ROOT / "deploy/nginx/vms.conf",
            {
                "api-1:8000": f"127.0.0.1:{self.api_ports[0]}",
                "api-2:8000": f"127.0.0.1:{self.api_ports[1]}",
                "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
                "/etc/nginx/tls/fullchain.pem": str(self.certificate),
                "/etc/nginx/tls/privkey.pem": str(key),
            },
        )
        main = self.folder / "nginx.conf"
        paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{name}_temp_path {self.folder}/{name};" for name in paths)
        main.write_text(
            f"daemon off; pid {self.folder}/nginx.pid; error_log stderr;"
            f"events {{ worker_connections 1024; }}\nhttp {{ {temporary}{self.more}\n{site} }}"
        )
        command: list[str | Path] = [
            installed("nginx"),
            "-e",
            "stderr",
            "-p",
            self.folder,
            "-c",
            main,
        ]
        return Program(self.name, command, stop_signal=signal.SIGQUIT, log=self.log)

    def _ready(self) -> bool:
        return listens(self.port)

    def _release(self) -> None:
        """Do nothing: there is nothing to release."""


class Caddy(Server):
    """As compose.yaml starts it, without TLS, before one process of the API."""

    def __init__(self, folder: Path, api_port: int) -> None:
        super().__init__("Caddy", folder / "logs" / "caddy.log")
        self.folder, self.api_port = folder, api_port
        self.port = free_port()

    def _prepare(self) -> Program:
        places = {"API_HOST": "localhost", "API_PORT": str(self.api_port)}
        given = {"SITE_ADDRESS": f"http://{HOST}:{self.port}", "HOME": str(self.folder), **places}
        command: list[str | Path] = [
            installed("caddy"),
            "run",
            "--config",
            ROOT / "deploy/caddy/Caddyfile",
        ]
        return Program(self.name, command, environment={**os.environ, **given}, log=self.log)

    def _ready(self) -> bool:
        return listens(self.port)

    def _release(self) -> None:
        """Do nothing: there is nothing to release."""


def filled(file: Path, values: dict[str, str]) -> str:
    """Return the file with other values; each must be there."""
    text = file.read_text()
    for found, wanted in values.items():
        assert found in text, f"{file} has no {found}"
        text = text.replace(found, wanted)
    return text


def installed(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{program} is not there: apt-get install nginx-light pgbouncer caddy"
    return found


def make_certificate(certificate: Path, key: Path) -> None:
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["openssl", "req", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, stderr=subprocess.DEVNULL)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
