"""`/`: links, and in development accounts and mails."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

LINKED = (
    "reception/",
    "scanner/",
    "docs",
    "openapi.json",
    "llms.txt",
    "start/start.css",
    "start/icon.svg",
)


async def client_of(settings: Settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(settings))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def dev(settings: Settings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    changed = {"debug": True, "caught_mail": tmp_path, "allowed_hosts": []}
    async with await client_of(settings.model_copy(update=changed)) as client:
        yield client


def keep(folder: Path, name: str = "1.eml", subject: str = "Your <visit>") -> None:
    mail = EmailMessage()
    mail["Subject"], mail["To"] = subject, "Ada <ada@example.com>"
    mail["Date"] = "Mon, 23 Nov 2026 08:00:00 +0000"
    mail.set_content("plain")
    mail.add_alternative('<p>Welcome</p><img src="cid:code">', subtype="html")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", cid="<code>")
    (folder / name).write_bytes(mail.as_bytes())


async def test_it_leads_everywhere_and_runs_nothing(dev: httpx.AsyncClient):
    page = await dev.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "script" not in page.text
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for path in LINKED:
        assert f'"{path}"' in page.text
        assert (await dev.get(f"/{path}")).status_code == 200


async def test_development_shows_accounts_and_mails(dev: httpx.AsyncClient, tmp_path: Path):
    assert "None yet." in (await dev.get("/")).text
    keep(tmp_path)
    page = (await dev.get("/")).text
    assert "guard@ifactory.com" in page
    assert '<a href="start/mails/1.eml">Your &lt;visit&gt;</a>' in page
    mail = await dev.get("/start/mails/1.eml")
    assert "<p>Welcome</p>" in mail.text
    assert "data:image/png;base64,iVBORw==" in mail.text
    assert "sandbox" in mail.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["2.eml", "..%2fsecret", "..%2f1.eml", "1.txt"])
async def test_no_other_file_is_shown(dev: httpx.AsyncClient, tmp_path: Path, name: str):
    (tmp_path.parent / "secret").write_text("secret")
    (tmp_path / "1.txt").write_text("secret")
    assert (await dev.get(f"/start/mails/{name}")).status_code == 404


async def test_production_shows_neither(settings: Settings, tmp_path: Path):
    keep(tmp_path)
    changed = {
        "debug": False,
        "caught_mail": tmp_path,
        "scanner_page": None,
        "reception_page": False,
    }
    async with await client_of(settings.model_copy(update=changed)) as client:
        page = await client.get("/")
        assert page.status_code == 200
        for word in ("ifactory", "visit&gt;", "scanner/", "reception/"):
            assert word not in page.text
        assert (await client.get("/start/mails/1.eml")).status_code == 404
        tag = {"If-None-Match": page.headers["ETag"]}
        assert (await client.get("/", headers=tag)).status_code == 304
