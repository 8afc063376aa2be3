"""Self-registration of accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from app.accounts.service import AccountService
from app.auth.errors import DomainNotAllowed, RegistrationClosed
from app.auth.models import AccountAction
from app.auth.schemas import UserRegistration
from app.core.errors import Invalid
from app.core.security.passwords import PasswordHasher
from app.core.text import is_plainly_spelled
from app.notifications.stranger_mail_limits import StrangerMails
from app.users.models import Role, User
from app.users.service import create_user


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """Who may register, and whether they must verify their address first."""

    mode: Literal["open", "domain", "closed"]
    domains: Collection[str]

    @property
    def needs_proof(self) -> bool:
        return self.mode == "domain"

    def admit(self, email: str) -> None:
        """Raise `RegistrationClosed` or `DomainNotAllowed`."""
        if self.mode == "closed":
            raise RegistrationClosed
        if self.mode == "domain" and email.rpartition("@")[2].lower() not in self.domains:
            raise DomainNotAllowed


async def register(service: AccountService, hasher: PasswordHasher, body: UserRegistration) -> User:
    """Create an active host; raise `EmailTaken`."""
    if body.password is None:
        raise Invalid.field("password", "missing", "Field required")
    await service.passwords.require_strong(body.password, body.email, field="password")
    user = await create_user(
        service.users,
        hasher,
        email=body.email,
        password=body.password,
        role=Role.HOST,
        now=service.now,
        first_name=body.first_name,
        last_name=body.last_name,
        by_stranger=True,
    )
    service.audit_log.record(AccountAction.REGISTERED, user.id, by=None)
    return user


async def ask_for_account(
    service: AccountService, strangers: StrangerMails, body: UserRegistration
) -> None:
    """Mail a link for a new or existing account.

    The address is not verified, so no password is stored, and only the latest names.
    """
    if body.password is not None:
        message = "The password is set with the mailed link"
        raise Invalid.field("password", "password_not_taken", message)
    if not is_plainly_spelled(body.email):
        message = "The address has letters that could be taken for others"
        raise Invalid.field("email", "looks_like_another", message)
    names = (body.first_name, body.last_name)
    await service.users.drop_unproven_lookalike(body.email)
    is_new = await service.users.add_unproven(body.email, *names, service.now)
    user = await service.users.lock_by_email(body.email)
    if user is None:  # deleted meanwhile, or of another mailbox
        return
    if user.awaits_verification:
        user.first_name, user.last_name = names
        user.updated_at = service.now
    if is_new:
        service.audit_log.record(AccountAction.REGISTERED, user.id, by=None)
        await service.invite_stranger(user, strangers)
    else:
        await service.mail_way_in(user, strangers)
