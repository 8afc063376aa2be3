"""The identity of PostgreSQL, which refuses root and nameless users.

It is another user id in a user namespace, if allowed, or the owner of the data.
"""

import contextlib
import os
import pwd
import tempfile
from pathlib import Path
from typing import Literal

from devserver.process import SELF, EmbeddedError, Identity, Program, clean_environment, run

Way = Literal["namespace", "user"]
ROOT = 0


def choose_identity(program: Path, data_dir: Path, way: Way | None = None) -> Identity:
    """Return the first identity that can start `program`; raise EmbeddedError."""
    if os.geteuid() != ROOT and _has_name(os.geteuid()):
        return SELF
    for candidate in _candidates(data_dir, way):
        with contextlib.suppress(EmbeddedError):
            _probe(program, data_dir, candidate)
            return candidate
    raise EmbeddedError(
        f"PostgreSQL cannot run as user id {os.geteuid()} here, neither in a user namespace nor as "
        "another user: start this as an ordinary user, or set DATABASE_URL."
    )


def give_to(identity: Identity, tree: Path) -> None:
    """Make `identity` the owner of the tree (root only)."""
    if os.geteuid() != ROOT or tree.lstat().st_uid == identity.uid:
        return
    for folder, _, files in os.walk(tree, topdown=False):
        for name in (*files, "."):
            os.lchown(Path(folder, name), identity.uid, identity.gid)


def _candidates(data_dir: Path, way: Way | None) -> list[Identity]:
    if os.geteuid() != ROOT:
        return [_namespace()]
    ways = {"namespace": _namespace(), "user": _other_user(data_dir)}
    if way:
        return [ways[way]]
    if _owner(data_dir) != ROOT:  # by that user, who needs access again
        return [ways["user"], ways["namespace"]]
    return list(ways.values())


def _namespace() -> Identity:
    return Identity(f"namespace:{_nobody().pw_uid}", os.geteuid(), os.getegid())


def _other_user(data_dir: Path) -> Identity:
    """Return the owner of the data, otherwise `nobody`."""
    uid, gid = _nobody().pw_uid, _nobody().pw_gid
    if _owner(data_dir) != ROOT:
        uid, gid = data_dir.stat().st_uid, data_dir.stat().st_gid
    return Identity(f"user:{uid}:{gid}", uid, gid)


def _owner(data_dir: Path) -> int:
    return data_dir.stat().st_uid if data_dir.exists() else ROOT


def _nobody() -> pwd.struct_passwd:
    """Return `nobody`, or another user in an image without it."""
    others = [entry for entry in pwd.getpwall() if entry.pw_uid != ROOT]
    if not others:
        raise EmbeddedError("PostgreSQL refuses root, and /etc/passwd names no other user.")
    return next((entry for entry in others if entry.pw_name == "nobody"), others[0])


def _has_name(uid: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(uid).pw_name)
    return False


def _probe(program: Path, data_dir: Path, identity: Identity) -> None:
    with tempfile.NamedTemporaryFile() as log:
        probe = Program(
            name=program.name,
            command=[program, "--version"],
            environment=clean_environment(),
            directory=data_dir.parent,
            log=Path(log.name),
            identity=identity,
        )
        run(probe, limit=20)
