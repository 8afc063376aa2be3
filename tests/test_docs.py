"""References in `docs/` exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# `tests/core/test_tokens.py::test_claims_come_back`
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")
# `](scaling.md#the-sum)`
LINK = re.compile(r"\]\(([^)#:]*)(?:#([\w-]+))?\)")


def named_tests() -> Iterator[tuple[str, str, str]]:
    """Yield document, file and test; a file may be named alone."""
    for document in sorted((ROOT / "docs").rglob("*.md")):
        for file, test in NAMED.findall(document.read_text(encoding="utf-8")):
            yield document.name, file, test


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("document", "file", "test"), sorted(set(named_tests())))
def test_a_test_that_a_document_names_is_there(document: str, file: str, test: str):
    path = ROOT / file
    assert path.is_file(), f"{document} names {file}"
    assert not test or test in functions(path), f"{document} names {file}::{test}"


@pytest.mark.parametrize("guide", sorted((ROOT / "docs").rglob("*.md")))
def test_a_link_of_a_guide_leads_somewhere(guide: Path):
    for target, anchor in LINK.findall(guide.read_text(encoding="utf-8")):
        page = (guide.parent / target) if target else guide
        assert page.exists(), f"{guide.name} leads to {target}"
        assert not anchor or anchor in anchors(page), f"{guide.name} leads to #{anchor}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


RECORDS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
STATUS = re.compile(
    r"^(Accepted on \d{4}-\d\d-\d\d|Superseded by \[decision \d+\]\(\S+\))", re.MULTILINE
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_a_status_and_is_in_the_index(record: Path):
    text = record.read_text(encoding="utf-8")
    number, title = re.match(r"# (\d+)\. (.+)", text).groups()  # type: ignore[union-attr]
    assert STATUS.search(text)
    assert int(number) == int(record.name[:4])
    index = (record.parent / "README.md").read_text(encoding="utf-8")
    assert f"| {number} | [{title}]({record.name}) |" in index
