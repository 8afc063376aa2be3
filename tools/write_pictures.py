"""Writes the picture of a visit's states from the code; `--check` fails if it is out of date."""

import sys
from html import escape
from pathlib import Path

from app.visitors.lifecycle import AFTER
from app.visitors.models import PRESENCE, VisitorStatus

FILE = Path(__file__).parent.parent / "app" / "api_docs" / "static" / "states.svg"
WIDTH, HEIGHT = 150, 52
# The left upper corner of each state.
PLACES = {
    VisitorStatus.PENDING: (20, 90),
    VisitorStatus.VERIFIED: (300, 90),
    VisitorStatus.COMPLETED: (580, 90),
    VisitorStatus.CANCELLED: (300, 10),
    VisitorStatus.EXPIRED: (300, 170),
}
WHY = {
    VisitorStatus.VERIFIED: "comes in",
    VisitorStatus.COMPLETED: "leaves",
    VisitorStatus.CANCELLED: "is cancelled",
    VisitorStatus.EXPIRED: "does not come",
}
STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#16202b;text-anchor:middle}"
    ".small{font-size:12px;fill:#5b6773;paint-order:stroke;stroke:#ffffff;stroke-width:4px}"
    "rect+text+.small{stroke:none}rect{fill:#eef3f8;stroke:#5b6773}"
    "path{stroke:#5b6773;fill:none;marker-end:url(#end)}"
)


END = (
    '<marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#5b6773;marker-end:none"/></marker>'
)


def states() -> str:
    """Return the states of a visit and the ways between them as SVG."""
    boxes = [_box(status) for status in AFTER]
    ways = [_way(before, after) for before, following in AFTER.items() for after in following]
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 750 232" role="img">',
            "<title>The states of a visit</title>",
            f"<style>{STYLE}</style>",
            END,
            '<rect width="750" height="232" style="fill:#ffffff;stroke:none"/>',
            *sorted(ways),
            *boxes,
            "</svg>\n",
        ]
    )


def _box(status: VisitorStatus) -> str:
    x, y = PLACES[status]
    presence = PRESENCE.get(status)
    shown = presence and presence.value
    if status is VisitorStatus.VERIFIED:
        shown = f"{shown} or away"
    small = f'<text class="small" x="{x + WIDTH / 2:g}" y="{y + 41}">{escape(shown or "")}</text>'
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + 22}">{status.value}</text>' + (small if shown else "")
    )


def _way(before: VisitorStatus, after: VisitorStatus) -> str:
    x, y = PLACES[before]
    to_x, to_y = PLACES[after]
    start, end = (x + WIDTH, y + HEIGHT / 2), (to_x, to_y + HEIGHT / 2)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 8)
    return (
        f'<path d="M{start[0]} {start[1]:g}L{end[0]} {end[1]:g}"/>'
        f'<text class="small" x="{middle[0]:g}" y="{middle[1]:g}">{WHY[after]}</text>'
    )


def main() -> int:
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(states(), encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != states():
        print(f"{FILE.name} is out of date: write it again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
