"""Texts use plain English: words and phrases of `AVOIDED` do not come back."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
READ = (
    "app",
    "devserver",
    "workers",
    "tools",
    "tests",
    "bench",
    "migrations",
    "docs",
    "email_templates",
    "README.md",
    "CONTRIBUTING.md",
)
OTHERS = {"vendor", "node_modules"}  # written by others
SUFFIXES = {".py", ".md", ".html", ".jinja", ".json", ".txt"}

# A pattern, ignoring case and line breaks, and what to write instead.
AVOIDED = {
    r"allowed to you": "you do not have permission",
    r"(?-i:Whoever)": "name the role: the caller, the host, anyone who",
    r"what all that": "name the thing",
    r"(?:is|are) heard": "is accepted, is read",
    r"(?:to|of|for|from|by|with) who": "name the role: the caller, the user",
    r"who is told": "recipients",
    r"pass(?:ed|es|ing)? over": "skip, ignore",
    r"the release before": "the previous release",
    r"nought": "zero",
    r"journeys? to": "round trip",
    r"in the midst": "in the middle",
    r"lest": "so that … not",
    r"is there already": "already exists",
    r"(?:audit|the) trail": "audit log",
    r"can\Wt": "cannot",
    r"cannot be had": "is not available",
    r"left out:": "default:",
    r"so long after": "days after",
    r"what became of": "outcome, delivery",
    r"nobody's": "say whose it is not, and why",
    r"of (?:its|their|our|your) own making": "your own",
    r"by itself alone": "on its own",
    r"in hand": "current, in progress",
    r"where (?:there is|it is|that is) none": "if there is none",
    r"in the place of": "instead of",
    r"those that there are not": "those that are None",
    r"be content with": "accept",
    r"goes on from": "continues with",
}


def texts() -> Iterator[Path]:
    for name in READ:
        place = ROOT / name
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        yield from (
            file
            for file in found
            if file.suffix in SUFFIXES and not OTHERS & set(file.parts) and file != Path(__file__)
        )


def words(file: Path) -> str:
    """Return the text on one line, without the marks of comments."""
    return re.sub(r"\s+(?:# )?", " ", file.read_text(encoding="utf-8"))


def findings(file: Path) -> list[str]:
    text = words(file)
    return [
        f"{file.relative_to(ROOT)}: “{match[0]}”: {instead}"
        for avoided, instead in AVOIDED.items()
        for match in re.finditer(rf"\b{avoided}(?!\w)", text, re.IGNORECASE)
    ]


def test_texts_avoid_mannered_english():
    found = [*texts()]
    assert len(found) > 100
    assert not [finding for file in found for finding in findings(file)]
