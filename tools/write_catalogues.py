"""Updates `locales/` from the templates and the code.

For a new language, create an empty file and a member of `Language`.
"""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.core.languages import CATALOGUES

ROOT = CATALOGUES.parent
FOLDERS = ("app", "email_templates")
METHODS = [("app/**.py", "python"), ("**.jinja", "jinja2")]
OPTIONS = {"**.jinja": {"silent": "false"}}
WIDTH = 100
# They change with every run or have no content.
DROPPED = (b"Report-", b"POT-", b"PO-", b"Last-", b"Language-Team", b"Generated-")

Found = tuple[str, int, str | tuple[str, ...], list[str], str | None]


@cache
def template() -> Catalog:
    catalogue = Catalog()
    for name, line, message, comments, context in sorted(_extracted(), key=lambda one: one[:2]):
        catalogue.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def _extracted() -> Iterator[Found]:
    return extract_from_dir(ROOT, METHODS, OPTIONS, directory_filter=_is_ours)


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
