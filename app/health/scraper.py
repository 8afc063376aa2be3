"""Authentication of Prometheus, which is not a caller of the API."""

from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.errors import NotAuthenticated, NotFound
from app.services import services
from app.settings import Settings

bearer = HTTPBearer(
    scheme_name="metrics", description="Prometheus: `METRICS_TOKEN`", auto_error=False
)


async def _require_token(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    settings = services(request).settings
    if settings.metrics_token is None:
        if settings.debug:
            return
        raise NotFound("Set METRICS_TOKEN to serve metrics")
    if not is_token(settings, given.credentials if given else ""):
        raise NotAuthenticated("Send METRICS_TOKEN as a bearer token")


def is_token(settings: Settings, given: str) -> bool:
    expected = settings.metrics_token
    return expected is not None and compare_digest(
        given.encode(), expected.get_secret_value().encode()
    )


Scraper = Depends(_require_token)
