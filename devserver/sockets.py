"""The directory of a server's Unix socket."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

LONGEST = 90  # bytes; the system limit for the whole path is 104 or 108


def socket_directory(data_dir: Path, owner: int) -> Path:
    """Return a directory that only user id `owner` may enter.

    This is the data directory if possible. A path that is too long, or that would need quoting in a
    URL (clients disagree about it), is replaced by one in the temporary directory, the same at
    every start.
    """
    path = str(data_dir.absolute())
    if len(os.fsencode(path)) <= LONGEST and quote(path) == path:
        return data_dir.absolute()
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return _private(Path(tempfile.gettempdir(), f"vms-{digest}"), owner)


def remove_socket_directory(directory: Path, data_dir: Path) -> None:
    """Remove the directory that `socket_directory` made outside the data directory."""
    if directory != data_dir.absolute():
        shutil.rmtree(directory, ignore_errors=True)


def _private(wanted: Path, owner: int) -> Path:
    with contextlib.suppress(FileExistsError):
        wanted.mkdir(mode=0o700)
        os.chown(wanted, owner, -1)
    found = wanted.lstat()  # the name is predictable, so another user may have created it
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == stat.S_IRWXU
    if private and found.st_uid == owner:
        return wanted
    other = Path(tempfile.mkdtemp(prefix="vms-"))
    os.chown(other, owner, -1)
    return other
