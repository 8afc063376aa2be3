"""Dependencies of the sign-in routes."""

from asyncio import sleep as pause
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from app.auth.account_limits import AccountLimits
from app.auth.sign_in_limits import SignInLimits
from app.core.http.dependencies import Hasher, Limiter
from app.core.security.tokens import SessionTokens
from app.services import services
from app.settings import Settings

# Longer than the work takes, but short enough for users.
EVEN_SECONDS = 0.2
USER_AGENT_LENGTH = 300


async def _settings(request: Request) -> Settings:
    return services(request).settings


Configured = Annotated[Settings, Depends(_settings)]


async def _tokens(request: Request) -> SessionTokens:
    return services(request).tokens


async def _user_agent(request: Request) -> str | None:
    given = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH]
    return "".join(filter(str.isprintable, given)).strip() or None


UserAgent = Annotated[str | None, Depends(_user_agent)]


async def _sign_in_limits(limiter: Limiter, hasher: Hasher, settings: Configured) -> SignInLimits:
    limits = AccountLimits(
        "failed login", settings.login_limit_per_account, settings.login_limit_per_address
    )
    return SignInLimits(limiter, hasher, limits, directory_required=settings.oidc_required)


async def _evenly() -> AsyncIterator[None]:
    """Delay the response until a fixed time has passed, to hide how long the work took.

    The transaction is committed and its connection returned before the delay.
    """
    until = monotonic() + EVEN_SECONDS
    yield
    await pause(until - monotonic())


Evenly = Depends(_evenly, scope="function")
Issuer = Annotated[SessionTokens, Depends(_tokens)]
SignInGate = Annotated[SignInLimits, Depends(_sign_in_limits)]
