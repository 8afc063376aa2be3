"""Runs a command as a container engine would: in another root, as process 1, unprivileged.

    unshare --mount --pid --net --fork python box.py ROOT '{"user": 10001, …}' COMMAND…

as root. The system's own directories and this interpreter are seen inside, read-only.
"""

import json
import os
import socket
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from typing import Any

SYSTEM = ("bin", "lib", "lib32", "lib64", "sbin", "usr")
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def run(root: Path, options: dict[str, Any], command: list[str]) -> None:
    """Replace this process with the command.

    `binds` are (outside, inside); without `read_only` everything is writable.
    """
    mount("--bind", root, root)
    for name in SYSTEM:
        show_system(Path("/", name), root / name)
    show(Path(sys.base_prefix), root, read_only=True)
    mount("--rbind", "/dev", made(root / "dev"))
    mount("-t", "proc", "proc", made(root / "proc"))
    for outside, inside in options["binds"]:
        mount("--rbind", outside, made(root / inside.lstrip("/")))
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", made(root / "tmp"))
    (root / options["directory"].lstrip("/")).mkdir(parents=True, exist_ok=True)
    if options["read_only"]:
        mount("-o", "remount,bind,ro", root)
    if options["network"] == "own":
        start_loopback()
    os.chroot(root)
    os.chdir(options["directory"])
    restricted = restrictions(options["user"])
    os.execvpe(restricted[0], [*restricted, *command], options["environment"])  # noqa: S606


def show_system(outside: Path, inside: Path) -> None:
    if outside.is_symlink():
        if not inside.is_symlink():
            inside.symlink_to(outside.readlink())
    elif outside.is_dir():
        mount("--rbind", outside, made(inside))
        mount("-o", "remount,bind,ro", inside)


def show(outside: Path, root: Path, *, read_only: bool) -> None:
    inside = made(root / str(outside).lstrip("/"))
    mount("--bind", outside, inside)
    if read_only:
        mount("-o", "remount,bind,ro", inside)


def made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def mount(*arguments: object) -> None:
    subprocess.run(["/usr/bin/mount", *map(str, arguments)], check=True)


def start_loopback() -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING)
        ioctl(any_socket, SIOCSIFFLAGS, request)


def restrictions(user: int) -> list[str]:
    """Return the command of `--user`, `--cap-drop ALL` and `no-new-privileges`."""
    if user == 0:
        return ["/usr/bin/env"]
    ids = [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return ["/usr/bin/setpriv", *ids, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


if __name__ == "__main__":
    run(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
