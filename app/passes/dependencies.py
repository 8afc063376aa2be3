from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from app.auth.dependencies import Configured
from app.core.http.dependencies import Limiter, Now, Reading
from app.core.http.limits import Rule
from app.core.http.services import core_services
from app.core.languages import Language, read_language
from app.core.request_context import client_network
from app.notifications.brand import brand_of
from app.notifications.links import Links
from app.passes.errors import UnknownPass
from app.passes.pages import page
from app.passes.service import VisitorPass, find_pass


@dataclass(frozen=True, slots=True)
class View:
    """A pass in the language of its visitor, else of its reader."""

    token: str
    found: VisitorPass
    language: Language
    links: Links

    def page(self, name: str, **values: Any) -> HTMLResponse:
        return page(name, self.language, **self._facts(), **values)

    def _facts(self) -> dict[str, Any]:
        visit, checked_in_at = self.found.visit, self.found.checked_in_at
        return {
            **visit.model_dump(exclude={"language", "logo"}),
            "brand": brand_of(visit),
            "heading_name": visit.brand_name or visit.site_name,
            "token": self.token,
            "state": self.found.state.value,
            "notifies_host": self.found.notifies_host,
            "starts_at": visit.starts_at,
            "checked_in_at": checked_in_at and checked_in_at.astimezone(ZoneInfo(visit.timezone)),
            "map_link": self.links.map(visit.site_address),
        }


async def _genuine(token: str, request: Request, limiter: Limiter, settings: Configured) -> str:
    """Return the token; forged ones cost no query and are rate-limited."""
    if not core_services(request).qr_tokens.is_genuine(token):
        rule = Rule("forged pass", settings.forged_pass_limit_per_address)
        await limiter.hit(rule, client_network())
        raise UnknownPass
    return token


Token = Annotated[str, Depends(_genuine)]


async def _view(
    token: Token, session: Reading, now: Now, request: Request, settings: Configured
) -> View:
    found = await find_pass(session, token, now)
    language = found.language or read_language(request.headers, found.visit.language)
    return View(token, found, language, Links(settings.service_url, settings.map_url))


Viewed = Annotated[View, Depends(_view)]
