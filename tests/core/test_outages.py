"""The log of a long outage."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.observability import outages
from app.core.observability.outages import Outage


def test_an_outage_is_logged_once_and_its_end(
    monkeypatch: pytest.MonkeyPatch, log: Callable[[], list[dict[str, Any]]]
):
    outage = Outage("away", "back")
    now = 0.0
    monkeypatch.setattr(outages, "monotonic", lambda: now)
    for now in range(100):  # noqa: B007 - read by the clock
        outage.report(ConnectionError())
    outage.over()
    outage.over()
    outage.report(ConnectionError())
    assert [line["event"] for line in log()] == ["away", "away", "back", "away"]
