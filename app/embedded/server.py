"""What the embedded servers have in common: how they start, are waited for, and stop."""

from abc import ABC, abstractmethod
from pathlib import Path

from app.embedded.process import Child, EmbeddedError, Program

START_SECONDS = 60.0  # recovery after a crash takes its time
STOP_SECONDS = 20.0


class Server(ABC):
    """A server that is our child. Start it from the main thread (see process.py)."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """Process id, None when nothing was started."""
        return self._child.pid if self._child else None

    @property
    def child(self) -> Child | None:
        """The running process, None when nothing was started."""
        return self._child

    def start(self) -> None:
        """Start, and wait until it answers. Raises EmbeddedError, with nothing left running."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """The first half of `start`: returns while the server is still coming up."""
        if self.running:
            raise RuntimeError("it runs already")
        self.stop()  # what a crash left
        try:
            self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._child = Child(self._prepare())
        except OSError as error:
            self.stop()
            reason = f"{error.strerror}: {error.filename}"
            raise EmbeddedError(f"{self.name} cannot be started: {reason}.") from error
        except BaseException:
            self.stop()
            raise

    def wait_ready(self) -> None:
        """The second half of `start`."""
        if self._child is None:
            raise RuntimeError("launch() comes first")
        try:
            self._child.wait_until(self._ready, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop, written out and cleanly; does nothing when stopped."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS)
            self._child = None
        self._release()

    @abstractmethod
    def _prepare(self) -> Program:
        """Take what is needed and say what to start."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether it answers."""

    @abstractmethod
    def _release(self) -> None:
        """Give back what `_prepare` took, which may be nothing."""
