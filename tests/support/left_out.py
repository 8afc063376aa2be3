"""The only way to skip a test: the machine lacks something that CI has."""

import os
from typing import NoReturn

import pytest


def leave_out(reason: str) -> NoReturn:
    """Skip the test, but fail it where `CI` is set."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI must not leave a test out)", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Serve `pytest.mark.needs(condition, reason)`."""
    for mark in item.iter_markers("needs"):
        condition, reason = mark.args
        if not condition:
            leave_out(reason)
