"""`vms webhooks listen`."""

from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread

import httpx
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.commands.webhooks import listening
from app.webhooks.signing import new_secret, signed_headers

BODY = '{"type":"visit.checked_in","timestamp":"2026-12-01T08:00:00Z","data":{"seq":1}}'


@contextmanager
def listener(secret, status=200):
    shown: list[str] = []
    server = listening("127.0.0.1", 0, secret, status, shown.append)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", shown
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_messages_are_verified_and_shown():
    secret = new_secret()
    headers = signed_headers("1", datetime.now(UTC), BODY, [secret])
    with listener(secret) as (url, shown), httpx.Client() as http:
        assert http.post(url, content=BODY, headers=headers).status_code == 200
        assert http.post(url, content=BODY + " ", headers=headers).status_code == 401
        assert http.post(url, content=BODY).status_code == 401
    assert shown[0].startswith("visit.checked_in at 2026-12-01T08:00:00Z (verified)\n")
    assert [each.partition(" (")[0] for each in shown[1:]] == ["NOT VERIFIED"] * 2


def test_it_can_answer_an_error():
    with listener(None, 503) as (url, shown), httpx.Client() as http:
        assert http.post(url, content=BODY).status_code == 503
        assert http.post(url, content="no JSON").status_code == 503
    assert "(not verified: no --secret)" in shown[0]
    assert shown[1].startswith("No message")


@pytest.mark.parametrize(
    ("option", "code"),
    [(["--secret", "whsec_"], 2), (["--secret", "banana"], 2), (["--host", "192.0.2.1"], 1)],
)
def test_what_cannot_be_is_explained(option, code):
    result = CliRunner().invoke(app, ["webhooks", "listen", "--port", "0", *option])
    assert result.exit_code == code
