"""A mail server that stores messages as `.eml` files.

It is a child process (`python -m devserver.mail SOCKET DIRECTORY`), so that its parent has no
threads.
"""

import asyncio
import contextlib
import itertools
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from devserver.disk import write_durably
from devserver.process import EmbeddedError, Program
from devserver.server import Server

LARGEST_MESSAGE = 64 * 1024 * 1024  # bytes


class MailCatcher(Server):
    """Catches mail on a port of `host`; 0 picks a free one.

    Files are named `YYYYmmddTHHMMSSffffff-N.eml` (UTC).
    """

    def __init__(self, directory: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.directory = directory.absolute()
        super().__init__("The mail catcher", self.directory.parent / "logs" / "mail.log")
        self.host = host
        self._port = port
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """Return the port, which survives restarts."""
        return self._port

    def launch(self) -> None:
        """Start, then close the parent's copy of the socket.

        Otherwise clients would wait for a mail catcher that has ended.
        """
        super().launch()
        self._release()

    def _prepare(self) -> Program:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listener = self._listen()
        self._port = self._listener.getsockname()[1]
        descriptor = self._listener.fileno()
        module = [sys.executable, "-P", "-m", "devserver.mail"]
        return Program(
            name=self.name,
            command=[*module, str(descriptor), self.directory],
            directory=self.directory,
            log=self.log,
            inherited=(descriptor,),
        )

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server((self.host, self._port))
        except OSError as error:
            where = f"{self.host}:{self._port}"
            raise EmbeddedError(
                f"The mail catcher cannot listen on {where}: {error.strerror}."
            ) from error

    def _ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.host, self._port), timeout=1) as client,
        ):
            return client.recv(3) == b"220"
        return False

    def _release(self) -> None:
        if self._listener is not None:
            self._listener.close()


class MailFolder:
    """A directory that stores messages durably."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)
        for draft in directory.glob(".*.draft"):
            draft.unlink()

    def write(self, content: bytes) -> str:
        """Store a message; return the name of its file."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S%f}-{next(self._numbers)}.eml"
        write_durably(self._directory / name, content)
        return name


def serve(listener: socket.socket, directory: Path) -> None:
    """Answer SMTP until a signal ends the process."""
    from aiosmtpd.smtp import SMTP, Envelope, Session

    class Handler:
        def __init__(self) -> None:
            self._folder = MailFolder(directory)

        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            del server, session
            return f"250 OK kept as {self._folder.write(envelope.original_content or b'')}"

    handler = Handler()

    def answer() -> SMTP:
        return SMTP(
            handler,
            hostname="localhost",  # avoids a slow DNS lookup
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
        )

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(answer, sock=listener)
        await server.serve_forever()

    asyncio.run(forever())


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
