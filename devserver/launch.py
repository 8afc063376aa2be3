"""The first program of every child: set its identity, tie it to its parent, run the real one.

A script for a fresh interpreter: between fork and exec, a process with threads must not run Python,
and only a single thread may enter a user namespace.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def launch(arguments: list[str]) -> None:
    """Run `PARENT DEATH_SIGNAL IDENTITY DIRECTORY PROGRAM ARGUMENT…`; return only on error."""
    parent, death_signal, identity, directory, *command = arguments
    restore_signals()
    become(identity)
    die_with(int(parent), int(death_signal))
    os.chdir(directory)
    os.execv(command[0], command)  # noqa: S606  (no shell is the point)


def restore_signals() -> None:
    """Reset changed signal handlers, which exec would keep."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def become(identity: str) -> None:
    """Switch to `self`, `namespace:UID` or `user:UID:GID` (see unprivileged.py)."""
    kind, *numbers = identity.split(":")
    if kind == "namespace":
        enter_namespace(int(numbers[0]))
    elif kind == "user":
        drop_to(int(numbers[0]), int(numbers[1]))


def enter_namespace(uid: int) -> None:
    """Appear as `uid`; files still belong to the real user (user_namespaces(7))."""
    real_user, real_group = os.geteuid(), os.getegid()
    _checked(_libc().unshare(CLONE_NEWUSER))
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{uid} {real_user} 1")
    (own / "gid_map").write_text(f"{uid} {real_group} 1")


def drop_to(uid: int, gid: int) -> None:
    """Give up root, except for access to closed directories."""
    if sys.platform == "linux":
        _checked(_libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if sys.platform == "linux":
        keep_file_access()


def keep_file_access() -> None:
    """Keep CAP_DAC_OVERRIDE through exec (capabilities(7)), if allowed."""
    bit = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc().capset(header, effective_permitted_inheritable) == 0:
        _libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def die_with(parent: int, death_signal: int) -> None:
    """Receive a signal when the parent ends; call after changing the user, which resets it."""
    if sys.platform == "linux":
        _checked(_libc().prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:  # it ended before the call
        sys.exit(1)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        launch(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[5]} cannot be started: {error}")
