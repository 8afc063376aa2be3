"""What the routes about accounts work with."""

from asyncio import sleep as pause
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from app.auth.account_limits import AccountLimits
from app.auth.desk import AccountDesk, Mailing
from app.auth.guards import UserManager, get_tokens
from app.auth.password_changes import PasswordChanger
from app.auth.password_policy import PasswordPolicy
from app.auth.registration import RegistrationPolicy
from app.auth.repository import SignInNetworkReader
from app.auth.service import Tokens
from app.auth.sign_in_limits import SignInLimits
from app.auth.user_management import UserDesk
from app.core.database import Database, Writing, get_database
from app.core.dependencies import Hasher, Now
from app.core.languages import Language, read_language
from app.core.limits import Limiter, Rule, client_network
from app.notifications.stranger_mails import StrangerMails
from app.settings import Settings
from app.users.password_rules import words_of_place

# Longer than any of the work takes, and short enough for whoever waits.
EVEN_SECONDS = 0.2
USER_AGENT_LENGTH = 300


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Configured = Annotated[Settings, Depends(_settings)]


async def _user_agent(request: Request) -> str | None:
    """What a browser or client calls itself, as far as it can be shown."""
    given = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH]
    return "".join(filter(str.isprintable, given)).strip() or None


UserAgent = Annotated[str | None, Depends(_user_agent)]


async def _sign_in_limits(limiter: Limiter, hasher: Hasher, settings: Configured) -> SignInLimits:
    limits = AccountLimits(
        "failed login", settings.login_limit_per_account, settings.login_limit_per_address
    )
    return SignInLimits(limiter, hasher, limits)


async def _policy(settings: Configured) -> RegistrationPolicy:
    return RegistrationPolicy(settings.registration_mode, settings.registration_domains)


async def _desk(request: Request, unit: Writing, settings: Configured, now: Now) -> AccountDesk:
    language = read_language(request.headers, Language.ENGLISH)
    passwords = PasswordPolicy(await get_database(request), words_of_place(settings))
    mailing = Mailing(request.app.state.wake_outbox, settings.frontend_url, language)
    return AccountDesk(unit, passwords, mailing, now)


class ForgottenLimits:
    """How often a link may be asked for."""

    def __init__(self, request: Request, limiter: Limiter, settings: Configured, now: Now) -> None:
        self._database: Database = request.app.state.database
        self._now = now
        self._limiter = limiter
        self.strangers = StrangerMails(limiter)
        self._limits = AccountLimits(
            "forgotten",
            settings.forgot_password_limit_per_account,
            settings.forgot_password_limit_per_address,
        )

    async def hit(self, email: str) -> None:
        """Count a request for this account; raises `TooManyRequests`."""
        await self._limiter.look(*self._limits.of(email, known=True))
        async with self._database.read() as session:
            networks = SignInNetworkReader(session)
            _, known = await networks.account(email, client_network(), self._now)
        await self._limiter.count(*self._limits.of(email, known=known))


class RegistrationLimit:
    """How often one address may register."""

    def __init__(self, limiter: Limiter, settings: Configured) -> None:
        self._limiter = limiter
        self._rule = Rule("registration", settings.registration_limit_per_address)

    async def hit(self) -> None:
        await self._limiter.hit(self._rule, client_network())


async def _evenly() -> AsyncIterator[None]:
    """Sends the answer when its time has come, and not when the work is done.

    Dependencies end in reverse: the transaction is committed and its connection given back before
    the wait, and the answer follows it.
    """
    until = monotonic() + EVEN_SECONDS
    yield
    await pause(until - monotonic())


Evenly = Depends(_evenly, scope="function")
Db = Annotated[Database, Depends(get_database)]
Issuer = Annotated[Tokens, Depends(get_tokens)]
SignInGate = Annotated[SignInLimits, Depends(_sign_in_limits)]
Policy = Annotated[RegistrationPolicy, Depends(_policy)]
Accounts = Annotated[AccountDesk, Depends(_desk)]


async def _changer(
    desk: Accounts, database: Db, hasher: Hasher, limits: SignInGate
) -> PasswordChanger:
    return PasswordChanger(desk, database, hasher, limits)


async def _user_desk(desk: Accounts, caller: UserManager) -> UserDesk:
    return UserDesk(desk, caller)


Passwords = Annotated[PasswordChanger, Depends(_changer)]
Users = Annotated[UserDesk, Depends(_user_desk)]
