"""Writes `openapi.json`; `--check` fails if it is out of date.

Both report changes that break clients.
"""

import json
import sys
from pathlib import Path

from app.api_docs.dates import COMMITTED, moved_to
from tools.api_changes import breaks, released
from tools.write_permissions import documented_app

FILE = Path(__file__).parent.parent / "openapi.json"


def main() -> int:
    document = moved_to(COMMITTED, documented_app().openapi())
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    before = released(FILE.name)
    faults = [f"breaks clients: {found}" for found in breaks(before.document, document)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        print(f"{FILE.name} is out of date: write it again", file=sys.stderr)
        return 1
    return 1 if faults and before.promises(document) else 0


if __name__ == "__main__":
    sys.exit(main())
