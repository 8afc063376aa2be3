"""Accounts that people make for themselves."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from app.auth.desk import FIRST_MAIL_LIFETIME, AccountDesk, link_hash
from app.auth.errors import DomainNotAllowed, InvalidLink, RegistrationClosed
from app.auth.models import AccountAction, LinkPurpose
from app.auth.schemas import UserRegistration
from app.core.passwords import PasswordHasher
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


async def register(
    desk: AccountDesk, hasher: PasswordHasher, policy: RegistrationPolicy, body: UserRegistration
) -> User:
    """A new host; raises `EmailTaken`. Where proof is needed, the account waits for its link."""
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
        awaits_verification=policy.needs_proof,
        by_stranger=True,
    )
    desk.trail.record(AccountAction.REGISTERED, user.id, by=None)
    if policy.needs_proof:
        await desk.mail_link(user, LinkPurpose.EMAIL_VERIFICATION, FIRST_MAIL_LIFETIME)
    return user


async def verify_email(desk: AccountDesk, token: str) -> None:
    """Open the account of a mailed link; raises `InvalidLink`."""
    hashed = link_hash(token)
    owner = await desk.links.owner(LinkPurpose.EMAIL_VERIFICATION, hashed, desk.now)
    user = await desk.users.lock_usable(owner.id) if owner else None
    if user is None or not await desk.links.use_up(user.id, hashed):
        raise InvalidLink
    await desk.prove_address(user)
