"""`/.well-known/security.txt` (RFC 9116)."""

from datetime import timedelta

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.core.http.responses import Constant
from app.core.http.services import core_services
from app.settings import Settings

PATH = "/.well-known/security.txt"
# RFC 9116, section 2.5.5, recommends less than a year.
VALID_FOR = timedelta(days=90)


def install(app: FastAPI, settings: Settings) -> None:
    contact = settings.security_contact
    if contact is None:
        return

    async def security_txt(request: Request) -> Response:
        today = (
            core_services(request).clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        )
        lines = (
            f"Contact: {contact}",
            f"Expires: {today + VALID_FOR:%Y-%m-%dT%H:%M:%SZ}",
            "Preferred-Languages: en, de",
            f"Canonical: {settings.service_url}{PATH}",
        )
        text = Constant("".join(f"{line}\n" for line in lines), "text/plain")
        return await text.answer(request)

    app.add_route(PATH, security_txt, include_in_schema=False)
