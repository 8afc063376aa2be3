"""Accounts that people make for themselves."""

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
    """Who may register, and whether they must prove their address first."""

    mode: Literal["open", "domain", "closed"]
    domains: Collection[str]

    @property
    def needs_proof(self) -> bool:
        return self.mode == "domain"

    def admit(self, email: str) -> None:
        """Raises `RegistrationClosed` or `DomainNotAllowed`."""
        if self.mode == "closed":
            raise RegistrationClosed
        if self.mode == "domain" and email.rpartition("@")[2].lower() not in self.domains:
            raise DomainNotAllowed


async def register(desk: AccountService, hasher: PasswordHasher, body: UserRegistration) -> User:
    """Make a host that can sign in at once; raise `EmailTaken`."""
    if body.password is None:
        raise Invalid.field("password", "missing", "Field required")
    await desk.passwords.require_strong(body.password, body.email, field="password")
    user = await create_user(
        desk.users,
        hasher,
        email=body.email,
        password=body.password,
        role=Role.HOST,
        now=desk.now,
        first_name=body.first_name,
        last_name=body.last_name,
        by_stranger=True,
    )
    desk.trail.record(AccountAction.REGISTERED, user.id, by=None)
    return user


async def ask_for_account(
    desk: AccountService, strangers: StrangerMails, body: UserRegistration
) -> None:
    """Mail a link to an address: to its new account, or to the one that it has already.

    Nobody has shown yet that the address is theirs, so that nothing that they could use later is
    kept: no password, and the names of whoever asked last.
    """
    if body.password is not None:
        message = "No password is taken here: the mailed link sets it"
        raise Invalid.field("password", "password_not_taken", message)
    if not is_plainly_spelled(body.email):
        message = "The address has letters that could be taken for others"
        raise Invalid.field("email", "looks_like_another", message)
    names = (body.first_name, body.last_name)
    await desk.users.drop_unproven_lookalike(body.email)
    is_new = await desk.users.add_unproven(body.email, *names, desk.now)
    user = await desk.users.lock_by_email(body.email)
    if user is None:  # deleted at this very moment, or of another mailbox
        return
    if user.awaits_verification:
        user.first_name, user.last_name = names
        user.updated_at = desk.now
    if is_new:
        desk.trail.record(AccountAction.REGISTERED, user.id, by=None)
        await desk.invite_stranger(user, strangers)
    else:
        await desk.mail_way_in(user, strangers)
