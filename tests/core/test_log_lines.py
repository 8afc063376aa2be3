"""Nobody writes lines of their own into the log."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from app.core.logging import configure_logging
from tests.api import Api

FORGED_LINE = "x\r\n2026-11-23T08:00:00Z [info] admin signed in\u2028\x1b[2J"


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize("debug", [True, False])
def test_a_line_of_the_log_is_one_line(capfd: pytest.CaptureFixture[str], debug: bool):
    configure_logging(debug=debug)
    ours = structlog.get_logger("ours")
    ours.info("request", path=FORGED_LINE, name=FORGED_LINE, parts=[FORGED_LINE])
    logging.getLogger("elsewhere").warning("from %s", FORGED_LINE)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2, lines
    assert all("admin signed in" in line for line in lines)
    assert all("\x1b[2J" not in line for line in lines)


async def test_nothing_that_a_caller_types_is_logged(api: Api, capfd: pytest.CaptureFixture[str]):
    admin = await api.admin()
    await admin.register(name="Ada Typed", email="typed@example.com", notes="typed\nnotes")
    await admin.get("visitors/", q="typed")
    await api.http.get("/typed%0d%0apath?typed=1", headers={"X-Request-ID": "typed typed typed"})
    await api.http.request("TYPED", "/api/visitors/")
    assert "typed" not in capfd.readouterr().err.lower()
