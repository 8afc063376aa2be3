"""A lock that gives a data directory one owner at a time.

It is an flock, which servers inherit and the kernel releases with the last process.
"""

import fcntl
import os
import time
from pathlib import Path

from devserver.interruption import pause
from devserver.process import POLL_SECONDS, EmbeddedError

ORPHAN_SECONDS = 60.0


class DirectoryLock:
    """A lock `file` with the process id of the owner."""

    def __init__(self, file: Path, directory: Path) -> None:
        self._file = file
        self._directory = directory
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """Return the file descriptor, for children to inherit."""
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        return self._descriptor

    def acquire(self) -> None:
        """Take the lock; wait for children of a killed owner to end.

        Raise EmbeddedError if a process owns it.
        """
        descriptor = self._open()
        try:
            self._wait(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        _write_owner(descriptor, str(os.getpid()))
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            _write_owner(self._descriptor, "")
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The data directory {self._directory} cannot be written: {reason}."
            raise EmbeddedError(message) from error

    def _wait(self, descriptor: int) -> None:
        end = time.monotonic() + ORPHAN_SECONDS
        while not _try_lock(descriptor):
            owner = _owner(descriptor)
            if _alive(owner) or time.monotonic() > end:
                raise EmbeddedError(self._refusal(owner))
            pause(POLL_SECONDS)

    def _refusal(self, owner: int) -> str:
        who = f"another vms dev (process {owner})" if owner else "a server that does not end"
        return f"The data directory {self._directory} is in use by {who}."


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_owner(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _owner(descriptor: int) -> int:
    text = os.pread(descriptor, 20, 0).decode()
    return int(text) if text.isdecimal() else 0


def _alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
