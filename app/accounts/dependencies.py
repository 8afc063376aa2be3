"""What the routes about accounts work with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.accounts.password_policy_service import PasswordPolicy
from app.accounts.password_service import PasswordChanger
from app.accounts.registration_service import RegistrationPolicy
from app.accounts.service import AccountService, Mailing
from app.accounts.user_service import UserService
from app.auth.account_limits import AccountLimits
from app.auth.dependencies import Configured, Db, SignInGate
from app.auth.guards import UserManager
from app.auth.idempotency_dependencies import Looked
from app.auth.repository import SignInNetworkReader
from app.core.db.database import Database, Writing, get_database
from app.core.http.dependencies import Hasher, Now
from app.core.http.limits import Limiter, Rule
from app.core.languages import Language, read_language
from app.core.request_context import client_network
from app.notifications.stranger_mail_limits import StrangerMails
from app.users.password_rules import words_of_place
from app.users.schemas import UserCreate


async def _policy(settings: Configured) -> RegistrationPolicy:
    return RegistrationPolicy(settings.registration_mode, settings.registration_domains)


async def _desk(request: Request, unit: Writing, settings: Configured, now: Now) -> AccountService:
    language = read_language(request.headers, Language.ENGLISH)
    passwords = PasswordPolicy(await get_database(request), words_of_place(settings))
    mailing = Mailing(request.app.state.wake_outbox, settings.frontend_url, language)
    return AccountService(unit, passwords, mailing, now)


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


Policy = Annotated[RegistrationPolicy, Depends(_policy)]
Accounts = Annotated[AccountService, Depends(_desk)]


async def _changer(
    desk: Accounts, database: Db, hasher: Hasher, limits: SignInGate
) -> PasswordChanger:
    return PasswordChanger(desk, database, hasher, limits)


async def _user_desk(desk: Accounts, caller: UserManager) -> UserService:
    return UserService(desk, caller)


Passwords = Annotated[PasswordChanger, Depends(_changer)]
Users = Annotated[UserService, Depends(_user_desk)]


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The account that is asked for, its password hashed before a connection is held."""

    body: UserCreate
    password_hash: str


async def _new_account(body: UserCreate, users: Users, hasher: Hasher) -> NewAccount:
    return NewAccount(body, await users.prepare(body, hasher))


BeforeHashing = [Looked, Depends(_new_account)]
Prepared = Annotated[NewAccount, Depends(_new_account)]
