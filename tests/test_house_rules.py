"""Rules of CONTRIBUTING.md that no other tool checks."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATABASE = ROOT / "app" / "core" / "db"
MODULES = [
    file for folder in ("app", "workers") for file in sorted((ROOT / folder).glob("**/*.py"))
]
TESTS = sorted((ROOT / "tests").glob("**/*.py"))
OUTSIDE = [file for file in MODULES if not file.is_relative_to(DATABASE)]
OWNED = {
    *("commit", "autocommit", "begin", "begin_nested", "rollback"),
    *("raw_connection", "get_raw_connection", "driver_connection"),
}
DRIVERS = ("asyncpg", "sqlalchemy.ext.asyncio")
SERVICES = {"app/services.py", "app/core/http/services.py", "app/main.py"}


def words(module: Path) -> Iterator[str]:
    """Yield the attributes and keywords that a module uses, and the modules that it imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=str(name)):
                yield name


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("module", OUTSIDE, ids=named)
def test_only_core_db_commits_and_knows_the_driver(module: Path):
    assert OWNED.isdisjoint(words(module))
    assert not [word for word in words(module) if word.startswith(DRIVERS)]


def test_core_db_knows_no_http_framework():
    frameworks = {"fastapi", "starlette"}
    for module in DATABASE.glob("*.py"):
        assert frameworks.isdisjoint(word.partition(".")[0] for word in words(module)), module


def test_every_test_that_is_left_out_fails_in_ci():
    mechanism = ROOT / "tests" / "support" / "left_out.py"
    ways = {"skip", "skipif", "importorskip", "xfail"}
    for module in TESTS:
        if module != mechanism:
            assert ways.isdisjoint(words(module)), f"{module}: use pytest.mark.needs or leave_out"


def test_names_of_tests_are_short_sentences():
    """Hold what follows `def`, with `test_`, to sixty characters."""
    too_long = [
        f"{module}: {node.name}"
        for module in TESTS
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > 60
    ]
    assert not too_long


def test_only_the_accessors_read_the_state_of_the_application():
    readers = {
        named(module)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "state"
        and ast.unparse(node.value) in {"app", "request.app"}
    }
    assert readers == SERVICES
