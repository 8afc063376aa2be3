"""The distribution of tests over processes, and their order."""

import os
import sys
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Their files share an installation or a port.
TOGETHER = ("tests/e2e/",)
# They run first, so that no process is idle at the end.
LONGEST = (
    "tests/container/test_image.py",
    "tests/test_schemathesis.py",
    "tests/e2e/",
    "tests/clients/",
    "tests/devserver/test_dev.py",
    "tests/test_cli.py",
    "tests/model/",
)

MOST_PROCESSES = 8  # each has two of the sixteen databases of Redis


def pytest_xdist_auto_num_workers() -> int:
    """Return three for two processors: a third of its time each waits for a server or program."""
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(processors * 3 // 2, MOST_PROCESSES)


class Distribution(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Keeps the tests of one file together, with the servers that they share."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Distribution:
    return Distribution(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    files = (number for number, start in enumerate(LONGEST) if item.nodeid.startswith(start))
    return next(files, len(LONGEST))
