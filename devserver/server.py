"""The base class of embedded servers."""

from abc import ABC, abstractmethod
from pathlib import Path

from devserver.process import Child, EmbeddedError, Program

START_SECONDS = 60.0  # including recovery after a crash
STOP_SECONDS = 20.0


class Server(ABC):
    """A server in a child process; start it from the main thread (see process.py)."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def child(self) -> Child | None:
        return self._child

    def start(self) -> None:
        """Start and wait until ready; after an EmbeddedError nothing is running."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting."""
        if self.running:
            raise RuntimeError("it runs already")
        self.stop()  # left over from a crash
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
        if self._child is None:
            raise RuntimeError("launch() comes first")
        try:
            self._child.wait_until(self._ready, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop cleanly, if running."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS)
            self._child = None
        self._release()

    @abstractmethod
    def _prepare(self) -> Program:
        """Acquire resources and return the program to start."""

    @abstractmethod
    def _ready(self) -> bool:
        """Return whether it responds."""

    @abstractmethod
    def _release(self) -> None:
        """Release the resources of `_prepare`, if any."""
