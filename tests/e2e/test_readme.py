"""The tour of the README, run line by line against `vms dev`."""

import time
from pathlib import Path

import pytest

from tests.e2e.newcomer import START_SECONDS, dev, pasted

pytestmark = [pytest.mark.e2e]


def _wait_for_mails(folder: Path, count: int) -> None:
    """Wait until the folder has `count` mails."""
    deadline = time.monotonic() + START_SECONDS
    while len(list(folder.glob("*.eml"))) < count:
        assert time.monotonic() < deadline, "the mails did not arrive"
        time.sleep(0.1)


def test_every_line_of_the_tour_works(tmp_path: Path) -> None:
    expected = (
        '"opens_at":"00:00"',
        '"timezone":"UTC"',
        '"status":"pending"',
        '"kind":"visitor_confirmation"',
        '"verdict":"admitted"',
        '"code":"already_inside"',
        '"verdict":"checked_out"',
        '"action":"checked_in"',
        '"status":"completed"',
    )
    with dev(tmp_path / "data") as port:
        answers = pasted("README.md", "sh", port, tmp_path)
        assert len(answers) == len(expected)
        for answer, part in zip(answers, expected, strict=True):
            assert part in answer
        _wait_for_mails(tmp_path / "data" / "mail", 1)
