"""Writes the types of events into `docs/events.md`; `--check` fails if it is out of date."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.events.catalogue import CATALOGUE, example

FILE = Path(__file__).parent.parent / "docs" / "events.md"
BEGINS, ENDS = "<!-- begin of the types -->\n", "<!-- end of the types -->\n"


def lines() -> Iterator[str]:
    yield "| type | subject | when |"
    yield "|---|---|---|"
    for type_, told in CATALOGUE.items():
        yield f"| [`{type_}`](#{type_.replace('.', '')}) | `{told.subject}` | {told.when} |"
    for type_ in CATALOGUE:
        yield from ("", f"#### {type_}", "", "```json")
        yield _shown(example(type_))
        yield "```"


def _shown(event: dict[str, Any]) -> str:
    """Return an event with one line for each field."""
    fields = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in event.items())
    return "{\n" + ",\n".join(fields) + "\n}"


def document() -> str:
    """Return the file as it should be."""
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGINS)
    after = rest.partition(ENDS)[2]
    return before + BEGINS + "\n".join(["", *lines(), "", ""]) + ENDS + after


def main() -> int:
    text = document()
    if "--check" in sys.argv:
        if FILE.read_text(encoding="utf-8") != text:
            sys.stderr.write("docs/events.md is out of date: python -m tools.write_events\n")
            return 1
        return 0
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
