"""The image, built by the steps of the Dockerfile, and its containers, both without an engine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip

from tests.container.dockerfile import ROOT, Stage, stages

BOX = Path(__file__).with_name("box.py")
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The Python of the base image, with pip; replaced by ours.
BASE = "/base"
DOWNLOADED = Path.home() / ".cache" / "pip"
INTERPRETER = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]


class Tree:
    """The files of a stage, in a directory."""

    def __init__(self, root: Path, stage: Stage) -> None:
        self.root, self.stage = root, stage
        root.mkdir()
        for name in ("srv", "var/tmp"):
            (root / name).mkdir(parents=True)
        shutil.copytree("/etc", root / "etc", symlinks=True)

    def build(self, others: dict[str, "Tree"]) -> None:
        """Run the steps."""
        for instruction, value in self.stage.steps:
            if instruction == "RUN":
                self.run(["sh", "-euc", value])
            else:
                self._copy(value.split(), others)

    def run(self, command: Sequence[str]) -> None:
        DOWNLOADED.mkdir(parents=True, exist_ok=True)
        # Reuse what `make install` has downloaded.
        boxed = self.boxed(
            command,
            user=0,
            environment={"PIP_NO_CACHE_DIR": "0"},
            binds=[(DOWNLOADED, "/root/.cache/pip")],
        )
        subprocess.run(boxed, check=True)

    def boxed(
        self,
        command: Sequence[str],
        *,
        user: int,
        environment: dict[str, str] | None = None,
        binds: Sequence[tuple[Path, str]] = (),
        read_only: bool = False,
        own_network: bool = False,
    ) -> list[str]:
        """Return what to start for `command` to run in this tree."""
        options: dict[str, Any] = {
            "user": user,
            "environment": self.environment() | (environment or {}),
            "directory": self.stage.directory,
            "binds": [(str(outside), inside) for outside, inside in binds],
            "read_only": read_only,
            "network": "own" if own_network else "host",
        }
        network = ["--net"] if own_network else []
        box = [sys.executable, "-I", str(BOX), str(self.root), json.dumps(options)]
        return [*UNSHARE, *network, *box, *command]

    def environment(self) -> dict[str, str]:
        own = self.stage.environment
        path = f"{BASE}/bin:{USUAL_PATH}"
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return {
            **pip,
            "HOME": "/root",
            **own,
            "PATH": own.get("PATH", "$PATH").replace("$PATH", path),
        }

    def _copy(self, words: list[str], others: dict[str, "Tree"]) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source = others[words.pop(0).removeprefix("--from=")].root
        *files, target = words
        for file in files:
            outside = source / file.lstrip("/")
            inside = self.root / target.lstrip("/")
            if outside.is_dir():
                ignored = shutil.ignore_patterns("__pycache__") if source is ROOT else None
                shutil.copytree(outside, inside, symlinks=True, ignore=ignored)
            else:
                inside = inside / outside.name if target.endswith("/") else inside
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(outside, inside)


def built(folder: Path) -> Tree:
    """Return the image, with everything that it needs to run."""
    trees: dict[str, Tree] = {}
    for name, stage in stages().items():
        tree = trees[name] = Tree(folder / name, stage)
        tree.run([INTERPRETER, "-m", "venv", "--without-pip", BASE])
        _add_pip(tree.root)
        tree.build(trees)
    return trees["image"]


def _add_pip(root: Path) -> None:
    """Copy our pip, since installing another takes seconds, and say where it finds packages."""
    (packages,) = root.glob(f"{BASE[1:]}/lib/python3*/site-packages")
    shutil.copytree(Path(pip.__file__).parent, packages / "pip")
    command = root / BASE[1:] / "bin" / "pip"
    command.write_text('#!/bin/sh\nexec python -m pip "$@"\n')
    command.chmod(0o755)
    for name in (".config/pip", ".pip"):
        settings = Path.home() / name
        if settings.is_dir():
            shutil.copytree(settings, root / "root" / name)


@dataclass
class Container:
    """A running container; `process` is the engine's side of it."""

    tree: Tree
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int | None:
        """Return its process 1 as seen from outside; None while it is starting."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        pid = int((children.split() or ["0"])[0])
        # The process that creates the container becomes the one that runs in it.
        made = (
            pid and Path(f"/proc/{pid}/comm").read_text().strip() == self.tree.stage.entrypoint[0]
        )
        return pid if made else None

    def execute(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command in the container as its user, as `docker exec` does."""
        if self.pid is None:
            return subprocess.CompletedProcess(command, 1, "", "there is nothing yet")
        user = self.tree.stage.user
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--root", "--wd"]
        ids = [f"--setuid={user}", f"--setgid={user}"]
        return subprocess.run(
            [*inside, *ids, *command],
            env=self.tree.environment() | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def started(
    tree: Tree,
    command: Sequence[str] = (),
    *,
    environment: dict[str, str],
    binds: Sequence[tuple[Path, str]],
    log: Path,
) -> Iterator[Container]:
    """Run the container as `docker run --read-only --cap-drop ALL` with only the loopback."""
    stage = tree.stage
    boxed = tree.boxed(
        [*stage.entrypoint, *(command or stage.command)],
        user=stage.user,
        environment=environment,
        binds=binds,
        read_only=True,
        own_network=True,
    )
    with log.open("wb") as output:
        process = subprocess.Popen(boxed, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Container(tree, environment, process, log)
    finally:
        process.kill()  # which ends all that runs in it
        process.wait()
