"""Writes `openapi.json`: the document that the service serves, for those who make clients of it.

`python -m tools.write_openapi` writes it; with `--check` it fails where the file is not what the
routes say. Either names what would break a client that was made of the document before it.
"""

import json
import sys
from pathlib import Path

from tools.api_changes import breaks, released
from tools.write_permissions import documented_app

FILE = Path(__file__).parent.parent / "openapi.json"


def main() -> int:
    document = documented_app().openapi()
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    before = released(FILE.name)
    faults = [f"breaks clients: {found}" for found in breaks(before.document, document)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        print(f"{FILE.name} is out of date: make it new", file=sys.stderr)
        return 1
    return 1 if faults and before.promises(document) else 0


if __name__ == "__main__":
    sys.exit(main())
