"""Reads the Dockerfile, instruction by instruction."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SINGLE = {"USER", "WORKDIR", "ENTRYPOINT", "CMD", "HEALTHCHECK"}
WITHOUT_EFFECT = {"ARG", "EXPOSE"}


@dataclass
class Stage:
    """One `FROM` and what follows it; `steps` are the ones that change files."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, instruction: str, value: str) -> None:
        if instruction in {"RUN", "COPY"}:
            self.steps.append((instruction, value))
        elif instruction == "ENV":
            self.environment |= _pairs(value)
        elif instruction == "LABEL":
            self.labels |= _pairs(value)
        elif instruction in SINGLE:
            self.words[instruction] = value
        elif instruction not in WITHOUT_EFFECT:
            raise ValueError(f"{instruction} is not known here: teach it to the tests")

    @property
    def user(self) -> int:
        return int(self.words.get("USER", "0").partition(":")[0])

    @property
    def directory(self) -> str:
        return self.words.get("WORKDIR", "/")

    @property
    def entrypoint(self) -> list[str]:
        return _words(self.words["ENTRYPOINT"])

    @property
    def command(self) -> list[str]:
        return _words(self.words["CMD"])

    @property
    def health_check(self) -> list[str]:
        return _words(self.words["HEALTHCHECK"].partition("CMD")[2])


def stages() -> dict[str, Stage]:
    """Return the stages by name; the last one, which is the image, is `image`."""
    found: list[Stage] = []
    for instruction, value in _instructions((ROOT / "Dockerfile").read_text()):
        if instruction == "FROM":
            found.append(Stage(value.partition(" AS ")[2] or "image"))
        elif found:
            found[-1].add(instruction, value)
    return {stage.name: stage for stage in found}


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines).splitlines()
    parts = (line.partition(" ") for line in joined if line.strip())
    return [(instruction.upper(), value.strip()) for instruction, _, value in parts]


def _pairs(value: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(value))


def _words(value: str) -> list[str]:
    """Return the exec form: a shell in between would keep signals to itself."""
    words: list[str] = json.loads(value)
    return words
