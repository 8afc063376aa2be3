"""The files of a package have the names that CONTRIBUTING.md lists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
# Packages that are not features.
OTHERS = {"core", "commands", "api_docs", "health"}
MODULES = sorted(
    file
    for file in APP.glob("*/**/*.py")
    if file.relative_to(APP).parts[0] not in OTHERS and file.name != "__init__.py"
)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^\| `(?:…_)?(\w+)\.py`", GUIDE, re.MULTILINE)
# `name` in `path`, with any words in between.
FOUND_IN = re.findall(r"`([\w.]+)` in `(app/[\w/]+\.py)`", GUIDE)


def has_io(module: Path) -> bool:
    """Return whether a module awaits something or builds SQL."""
    nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    return any(
        isinstance(node, ast.AsyncFunctionDef)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"))
        for node in nodes
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda file: str(file.relative_to(APP)))
def test_a_module_without_a_listed_name_is_pure(module: Path) -> None:
    word = module.stem.rpartition("_")[2]
    assert word in LISTED or not has_io(module), "give it a name of the table in CONTRIBUTING.md"


def test_every_listed_name_is_used() -> None:
    assert set(LISTED) <= {module.stem.rpartition("_")[2] for module in MODULES}


def test_every_file_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`((?:app|docs|locales|migrations)/[\w/-]+\.\w+)`", GUIDE))
    assert {path for path in named if not (ROOT / path).is_file()} == set()


@pytest.mark.parametrize(("name", "path"), FOUND_IN)
def test_what_the_guide_looks_for_in_a_file_is_there(name: str, path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"(def|class) {name.rpartition('.')[2]}\b", text)
