"""`/`: what this is, and where to go; in development also the accounts and the latest mails."""

import asyncio
from html import escape
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app import __version__
from app.core.errors import NotFound
from app.core.http.responses import Constant
from app.settings import Settings
from app.start_page import mails
from app.users.account_service import DEMO, DEVELOPMENT

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
# Mails bring their own styles, and run nothing.
OF_MAIL = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}
WAYS = (
    ("docs", "API documentation", "every operation, to read and to try"),
    ("openapi.json", "OpenAPI document", "for generators of clients"),
    ("llms.txt", "Overview for programs", "a page of Markdown"),
    ("health/ready/", "Health", "whether everything it needs answers"),
)
RECEPTION = ("reception/", "Reception", "the desk: the day, check in and out, walk-ins, rosters")
SCANNER = ("scanner/", "Scanner", "check codes with a camera or a hand scanner")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visitor management</title>
<link rel="icon" href="start/icon.svg">
<link rel="stylesheet" href="start/start.css">
</head>
<body>
<h1>Visitor management</h1>
<p>The backend behind a reception desk: visitors are invited for an hour, get a QR code by mail, and
are checked in at the gate.</p>
<ul class="ways">{ways}</ul>
{development}
<footer><small>Version {version}</small></footer>
</body>
</html>
"""


def install(app: FastAPI, settings: Settings) -> None:
    pages = ((settings.reception_page, RECEPTION), (settings.serves_scanner_page, SCANNER))
    ways = [way for is_served, way in pages if is_served] + [*WAYS]
    listed = "".join(
        f'<li><a href="{path}">{name}</a><br><small>{what}</small></li>'
        for path, name, what in ways
    )
    plain = PAGE.format(ways=listed, development="", version=__version__)
    constant = Constant(plain, "text/html")
    folder = settings.caught_mail if settings.debug else None

    async def start(request: Request) -> Response:
        if not settings.debug:
            answer = await constant.answer(request)
            answer.headers.update(HEADERS)
            return answer
        caught = await asyncio.to_thread(mails.latest, folder) if folder else []
        shown = PAGE.format(ways=listed, development=_development(caught), version=__version__)
        return HTMLResponse(shown, headers=HEADERS | {"Cache-Control": "no-store"})

    async def mail(request: Request) -> Response:
        found = None
        if folder is not None:
            found = await asyncio.to_thread(mails.page_of, folder, request.path_params["name"])
        if found is None:
            raise NotFound
        return HTMLResponse(found, headers=OF_MAIL)

    app.add_route("/", start, include_in_schema=False)
    app.add_route("/start/mails/{name}", mail, include_in_schema=False)
    app.mount("/start", StaticFiles(directory=STATIC), name="start page")


def _development(caught: list[mails.Caught]) -> str:
    accounts = "".join(
        f"<tr><td>{email}</td><td><code>{password}</code></td><td>{role.value}</td></tr>"
        for email, password, _, _, role in (*DEVELOPMENT, *DEMO)
    )
    rows = "".join(
        f'<tr><td>{escape(one.at)}</td><td><a href="start/mails/{escape(one.name)}">'
        f"{escape(one.subject)}</a></td><td>{escape(one.to)}</td></tr>"
        for one in caught
    )
    latest = f"<table>{rows}</table>" if rows else "<p>None yet.</p>"
    return (
        "<h2>Accounts of development</h2><p><small>The last three come with "
        f"<code>--demo</code>.</small></p><table>{accounts}</table>"
        f"<h2>Latest mails</h2>{latest}"
    )
