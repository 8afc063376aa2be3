"""Dependencies of the sign-in routes."""

from asyncio import sleep as pause
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from app.auth.account_limits import AccountLimits
from app.auth.directory_link_service import DirectoryMail
from app.auth.factor_limits import FactorLimits
from app.auth.factor_mails import FactorMails
from app.auth.factor_service import FactorChecker
from app.auth.passkeys import RelyingParty
from app.auth.sign_in_limits import SignInLimits
from app.auth.sign_in_service import SignIns
from app.core.http.dependencies import Db, Hasher, Limiter, Now
from app.core.languages import Language, read_language
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


async def _sign_ins(
    request: Request,
    database: Db,
    limiter: Limiter,
    settings: Configured,
    now: Now,
    agent: UserAgent,
) -> SignIns:
    ours = services(request)
    language = read_language(request.headers, Language.ENGLISH)
    checker = FactorChecker(
        ours.totp_secrets,
        RelyingParty.of(settings.passkey_rp_id, settings.pages),
        FactorMails(ours.wake_outbox, language),
        now,
    )
    limits = FactorLimits(limiter, settings.login_limit_per_address)
    directory_mail = DirectoryMail(ours.wake_outbox, language)
    origin = request.headers.get("origin")
    return SignIns(database, ours.tokens, limits, checker, directory_mail, now, agent, origin)


Evenly = Depends(_evenly, scope="function")
Issuer = Annotated[SessionTokens, Depends(_tokens)]
SignInWays = Annotated[SignIns, Depends(_sign_ins)]
SignInGate = Annotated[SignInLimits, Depends(_sign_in_limits)]
