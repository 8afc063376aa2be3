"""Dates in examples: moved by whole weeks, so that they stay ahead and keep their weekday."""

import re
from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]

WRITTEN = date(2026, 11, 23)
"""The Monday on which the examples in the code take place."""
COMMITTED = date(2035, 11, 19)
"""The Monday of the examples in `openapi.json`, far ahead, so that the file stays true."""
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")
WEEK = 7


def next_monday(today: date) -> date:
    """Return the Monday after a day, one that can be booked everywhere."""
    return today + timedelta(days=WEEK - today.weekday())


def moved_to(monday: date, node: Any) -> Any:
    """Return a document whose examples take place in the week of `monday`."""
    weeks = monday - WRITTEN
    if isinstance(node, dict):
        return {name: moved_to(monday, child) for name, child in node.items()}
    if isinstance(node, list):
        return [moved_to(monday, child) for child in node]
    if isinstance(node, str) and (found := DATE.fullmatch(node)):
        return (date.fromisoformat(found[1]) + weeks).isoformat() + (found[2] or "")
    return node
