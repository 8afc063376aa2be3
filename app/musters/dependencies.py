from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Response

from app.core.db.database import ReadSession
from app.core.http.dependencies import Limiter, Now, Reading
from app.core.http.limits import RateLimiter, Rule, TooManyRequests
from app.core.request_context import client_network
from app.musters.errors import DeadLink, UnknownLink
from app.musters.link_service import find_warden
from app.musters.wardens import Warden
from app.services import services

# A link is a key: it is neither passed on nor stored.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


async def _warden(
    link: str, session: Reading, limiter: Limiter, now: Now, request: Request, response: Response
) -> Warden:
    response.headers.update(PRIVATE)
    return await warden_of(link, session, limiter, forged(request), now)


_warden.problems = (UnknownLink, DeadLink, TooManyRequests)  # type: ignore[attr-defined] # see ApiRoute
OfWarden = Annotated[Warden, Depends(_warden)]


async def warden_of(
    link: str, session: ReadSession, limiter: RateLimiter, rule: Rule, now: datetime
) -> Warden:
    """Return who has a link; only forged ones count, so that wardens share their network."""
    try:
        return await find_warden(session, link, now)
    except UnknownLink:
        await limiter.hit(rule, client_network())
        raise


def forged(request: Request) -> Rule:
    """Return the limit of forged links."""
    rate = services(request).settings.forged_pass_limit_per_address
    return Rule("forged muster link", rate)
