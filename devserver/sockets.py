"""The directory of a server's Unix socket."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

LONGEST = 90  # bytes; the limit for the path is 104 or 108


def socket_directory(data_dir: Path, owner: int) -> Path:
    """Return a directory that only `owner` may enter.

    It is the data directory, or a fixed one in the temporary directory if the path is too long or
    needs quoting in a URL.
    """
    path = str(data_dir.absolute())
    if len(os.fsencode(path)) <= LONGEST and quote(path) == path:
        return data_dir.absolute()
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return _private(Path(tempfile.gettempdir(), f"vms-{digest}"), owner)


def remove_socket_directory(directory: Path, data_dir: Path) -> None:
    """Remove a directory made by `socket_directory`."""
    if directory != data_dir.absolute():
        shutil.rmtree(directory, ignore_errors=True)


def _private(wanted: Path, owner: int) -> Path:
    with contextlib.suppress(FileExistsError):
        wanted.mkdir(mode=0o700)
        os.chown(wanted, owner, -1)
    found = wanted.lstat()  # another user may have created it
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == stat.S_IRWXU
    if private and found.st_uid == owner:
        return wanted
    other = Path(tempfile.mkdtemp(prefix="vms-"))
    os.chown(other, owner, -1)
    return other
