"""Dependencies of the account routes."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.accounts.password_policy_service import PasswordPolicy
from app.accounts.password_service import PasswordChanger
from app.accounts.registration_service import RegistrationPolicy
from app.accounts.rights import managed_roles
from app.accounts.service import AccountService, Mailing
from app.accounts.user_service import UserService
from app.auth.account_limits import AccountLimits
from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.dependencies import Configured, SignInGate
from app.auth.guards import UserManager
from app.auth.repository import SignInNetworkReader
from app.core.db.database import ReadSession
from app.core.errors import NotFound
from app.core.http.dependencies import Db, Hasher, Limiter, Now, Writing
from app.core.http.limits import Rule, TooManyRequests
from app.core.languages import Language, read_language
from app.core.request_context import client_network
from app.notifications.stranger_mail_limits import StrangerMails
from app.services import Services, services
from app.users import models
from app.users.password_rules import words_of_place
from app.users.repository import UserReader
from app.users.schemas import User


async def _policy(settings: Configured) -> RegistrationPolicy:
    return RegistrationPolicy(settings.registration_mode, settings.registration_domains)


async def _account_service(
    request: Request, unit: Writing, settings: Configured, now: Now
) -> AccountService:
    language = read_language(request.headers, Language.ENGLISH)
    passwords = PasswordPolicy(services(request).database, words_of_place(settings))
    mailing = Mailing(services(request).wake_outbox, settings.frontend_url, language)
    return AccountService(unit, passwords, mailing, now)


class ForgottenLimits:
    def __init__(self, request: Request, limiter: Limiter, settings: Configured, now: Now) -> None:
        self._database = services(request).database
        self._now = now
        self._limiter = limiter
        self.strangers = StrangerMails(limiter)
        self._limits = AccountLimits(
            "forgotten",
            settings.forgot_password_limit_per_account,
            settings.forgot_password_limit_per_address,
        )

    async def hit(self, email: str) -> None:
        """Count a request; raise `TooManyRequests`.

        One for an account that knows the network also counts for it, but is not refused by it:
        the headers would reveal the account.
        """
        await self._limiter.look(*self._limits.of(email, known=True))
        async with self._database.read() as session:
            networks = SignInNetworkReader(session)
            _, known = await networks.account(email, client_network(), self._now)
        await self._limiter.count(*self._limits.of(email, known=known))
        if known:
            with suppress(TooManyRequests):
                await self._limiter.count(self._limits.of_network())


class RegistrationLimit:
    def __init__(self, limiter: Limiter, settings: Configured) -> None:
        self._limiter = limiter
        self._rule = Rule("registration", settings.registration_limit_per_address)

    async def hit(self) -> None:
        await self._limiter.hit(self._rule, client_network())


Policy = Annotated[RegistrationPolicy, Depends(_policy)]
Accounts = Annotated[AccountService, Depends(_account_service)]


async def _changer(
    service: Accounts, database: Db, hasher: Hasher, limits: SignInGate
) -> PasswordChanger:
    return PasswordChanger(service, database, hasher, limits)


async def _user_service(
    service: Accounts, caller: UserManager, settings: Configured
) -> UserService:
    return UserService(service, caller, settings.oidc_required)


async def _shown(session: ReadSession, user_id: UUID, caller: Caller, _: Services) -> User:
    user = await UserReader(session).of_roles(user_id, managed_roles(caller), caller.scope)
    if user is None:
        raise NotFound
    return User.model_validate(user)


IfCurrent = if_match(models.User, "user_id", _shown)
Passwords = Annotated[PasswordChanger, Depends(_changer)]
Users = Annotated[UserService, Depends(_user_service)]
