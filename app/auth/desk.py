"""Everything that changes accounts, within one unit of work."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.auth.models import AccountAction, LinkPurpose
from app.auth.password_policy import PasswordPolicy
from app.auth.repository import AccountLinkRepository, AuthSessionRepository
from app.auth.trail import AccountTrail
from app.core.database import AfterCommit, WriteSession
from app.core.languages import Language
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import AccountLinkPayload
from app.notifications.repository import Outbox, OutgoingMail
from app.users.models import User
from app.users.repository import UserRepository

RESET_LIFETIME = timedelta(hours=1)
# A code in a first mail may live for a day: NIST SP 800-63A-4, section 3.8.
FIRST_MAIL_LIFETIME = timedelta(days=1)
TOKEN_BYTES = 32
PAGES = {
    LinkPurpose.PASSWORD_RESET: "reset-password",
    LinkPurpose.EMAIL_VERIFICATION: "verify-email",
}


def link_hash(token: str) -> bytes:
    """What is stored of a link's token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class Mailing:
    """What mails to an account's owner need.

    They are in the language of the request: an account belongs to no site.
    """

    wake: AfterCommit
    frontend_url: str
    language: Language


class AccountDesk:
    """Accounts, their sessions, the trail, and the links that are mailed to their owners."""

    def __init__(
        self, unit: WriteSession, passwords: PasswordPolicy, mailing: Mailing, now: datetime
    ) -> None:
        self.unit = unit
        self.now = now
        self.passwords = passwords
        self.trail = AccountTrail(unit, now)
        self.users = UserRepository(unit)
        self.sessions = AuthSessionRepository(unit)
        self.links = AccountLinkRepository(unit)
        self._outbox = Outbox(unit, mailing.wake)
        self._mailing = mailing

    async def mail_link(
        self, user: User, purpose: LinkPurpose, lifetime: timedelta, *, is_first: bool = False
    ) -> None:
        """Mail a new link, which ends the one before it; `is_first` tells of a new account."""
        token, until = secrets.token_urlsafe(TOKEN_BYTES), self.now + lifetime
        await self.links.replace(user.id, purpose, link_hash(token), self.now, until=until)
        payload = AccountLinkPayload(
            language=self._mailing.language,
            first_name=user.first_name or user.email,
            link=f"{self._mailing.frontend_url}/{PAGES[purpose]}?token={token}",
            valid_for_minutes=int(lifetime.total_seconds()) // 60,
            is_first=is_first,
        )
        kind = NotificationKind(purpose.value)
        mail = OutgoingMail(
            kind=kind, payload=payload, to=user.email, name=user.name, pointless_after=until
        )
        self._outbox.put(mail, self.now)

    async def set_password(self, user: User, hashed: str, *, but: UUID | None = None) -> None:
        """Replace the password of a locked account: its links and sessions end, `but` one."""
        user.password_hash = hashed
        user.updated_at = self.now
        await self.end_access(user, but=but)

    async def end_access(self, user: User, *, but: UUID | None = None) -> None:
        """End sessions and links, `but` one session."""
        await self.sessions.revoke_all(user.id, self.now, but=but)
        await self.links.drop_all(user.id)

    async def prove_address(self, user: User) -> None:
        """The owner of a locked account reads mail sent to its address."""
        if user.awaits_verification:
            user.awaits_verification, user.is_active = False, True
            user.updated_at = self.now
            self.trail.record(AccountAction.EMAIL_VERIFIED, user.id, by=user.id)
        await self.users.adopt_visitors(user)
