"""Updates `locales/` from the templates and the code.

For a new language, create an empty file and a member of `Language`.
"""

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

import app.main  # noqa: F401 - knows all problems
from app.core.languages import CATALOGUES
from app.meta.words import enumerations

ROOT = CATALOGUES.parent
FOLDERS = ("app", "email_templates")
WORDS = "app/meta/words.py"
PAGE = "app/scanner_page/static"
KEYWORDS = DEFAULT_KEYWORDS | {"translatable": None}
# Texts that a page translates itself.
MARKED = re.compile(r"<[^>]+ data-text>([^<]+)<")
OPTIONS = {"**.jinja": {"silent": "false"}}
WIDTH = 100
# They change with every run or have no content.
DROPPED = (b"Report-", b"POT-", b"PO-", b"Last-", b"Language-Team", b"Generated-")


def _of_page(
    file: BinaryIO, *_: object, **__: object
) -> Iterator[tuple[int, None, str, list[str]]]:
    for found in MARKED.finditer(file.read().decode()):
        yield 1, None, found[1], []


METHODS: list[tuple[str, Any]] = [
    ("app/**.py", "python"),
    ("**.jinja", "jinja2"),
    (f"{PAGE}/*.js", "javascript"),
    (f"{PAGE}/*.html", _of_page),
]
Found = tuple[str, int, str | tuple[str, ...], list[str], str | None]


@cache
def template() -> Catalog:
    catalogue = Catalog()
    for name, line, message, comments, context in sorted(_extracted(), key=lambda one: one[:2]):
        catalogue.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def _extracted() -> Iterator[Found]:
    yield from extract_from_dir(ROOT, METHODS, OPTIONS, KEYWORDS, directory_filter=_is_ours)
    for words in enumerations().values():
        yield from ((WORDS, 1, label, [], None) for label in words.values())


def _is_ours(folder: str) -> bool:
    return Path(folder).relative_to(ROOT).parts[0] in FOLDERS


def read(file: Path) -> Catalog:
    with file.open("rb") as content:
        return read_po(content, locale=file.stem, abort_invalid=True)


def in_step(catalogue: Catalog) -> bytes:
    """Return the file of a catalogue with the current messages."""
    catalogue.update(template(), update_creation_date=False)
    file = BytesIO()
    write_po(file, catalogue, width=WIDTH, include_lineno=False, ignore_obsolete=True)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(tuple(b'"' + d for d in DROPPED)))


def main() -> None:
    for file in sorted(CATALOGUES.glob("*.po")):
        file.write_bytes(in_step(read(file)))


if __name__ == "__main__":
    main()
