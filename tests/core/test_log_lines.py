"""The content of log lines, joined by ids, and what they never contain."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from app.core.observability.logging import configure_logging
from tests.support.api import VISITOR, Api
from tests.support.mailbox import Mailbox

FORGED_LINE = "x\r\n2026-11-23T08:00:00Z [info] admin signed in\u2028\x1b[2J"


@pytest.mark.usefixtures("logging_as_before")
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


async def test_nothing_that_a_caller_types_is_logged(
    api: Api, log: Callable[[], list[dict[str, Any]]]
):
    admin = await api.admin()
    await admin.register(name="Ada Typed", email="typed@example.com", notes="typed\nnotes")
    await admin.get("visitors/", q="typed")
    await api.http.get("/typed%0d%0apath?typed=1", headers={"X-Request-ID": "typed typed typed"})
    await api.http.request("TYPED", "/api/visitors/")
    lines = [line for line in log() if line["logger"] != "httpx"]  # the test's client
    assert len(lines) > 4
    assert "typed" not in str(lines).lower()


async def test_ids_find_a_request_its_mails_and_its_visitor(
    api: Api, mailbox: Mailbox, log: Callable[[], list[dict[str, Any]]]
):
    admin = await api.admin()
    asked = await api.http.post(
        "/api/visitors/", json=VISITOR, headers={**admin.headers, "X-Request-ID": "tour-0001"}
    )
    await mailbox.deliver()
    joined = [line for line in log() if line.get("request_id") == "tour-0001"]
    ours = [line for line in joined if line["logger"] == "vms"]
    assert [line["event"] for line in ours] == ["request", "mail", "mail"]
    assert {line["visitor_id"] for line in ours} == {asked.json()["id"]}
    assert {line["kind"] for line in ours[1:]} == {"visitor_confirmation", "host_registration"}
    assert "ada" not in str(ours).lower()
    assert "example.com" not in str(ours)


async def test_a_line_names_the_ids_of_its_path(api: Api, log: Callable[[], list[dict[str, Any]]]):
    admin = await api.admin()
    visitor = await admin.register()
    log()
    await admin.delete(f"visitors/{visitor['id']}/")
    [line] = [line for line in log() if line["logger"] == "vms"]
    assert (line["method"], line["visitor_id"], line["status"]) == ("DELETE", visitor["id"], 204)


async def test_a_refused_request_says_who_was_refused(
    api: Api, log: Callable[[], list[dict[str, Any]]]
):
    host = await api.host()
    log()
    await host.get("devices/")
    await api.http.get("/api/devices/")
    lines = [line for line in log() if line["event"] == "request"]
    assert [(line["status"], line.get("caller_id")) for line in lines] == [
        (403, host.user_id),
        (401, None),
    ]
