"""Changes of accounts in a unit of work."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.accounts.password_policy_service import PasswordPolicy
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_repository import TicketRepository
from app.auth.models import AccountAction, LinkPurpose
from app.auth.repository import AccountLinkRepository, AuthSessionRepository
from app.core.db.database import AfterCommit, WriteSession
from app.core.db.rollout import UpdateUnderWay, require_finished
from app.core.languages import Language
from app.core.observability.logging import logger
from app.core.security.random_secrets import stored_hash
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import (
    AccountLinkPayload,
    AccountPayload,
    EmailChangedPayload,
    Payload,
)
from app.notifications.repository import Outbox, OutgoingMail
from app.notifications.stranger_mail_limits import StrangerMails
from app.users.models import User, full_name
from app.users.repository import UserRepository

RESET_LIFETIME = timedelta(hours=1)
# At most a day (NIST SP 800-63A-4, section 3.8).
FIRST_MAIL_LIFETIME = timedelta(days=1)
TOKEN_BYTES = 32
PAGES = {
    LinkPurpose.PASSWORD_RESET: "reset-password",
    LinkPurpose.INVITATION: "accept-invitation",
}


@dataclass(frozen=True, slots=True)
class Mailing:
    """Settings for account mails; the language is that of the request."""

    wake: AfterCommit
    frontend_url: str
    language: Language


class AccountService:
    def __init__(
        self, unit: WriteSession, passwords: PasswordPolicy, mailing: Mailing, now: datetime
    ) -> None:
        self.unit = unit
        self.now = now
        self.passwords = passwords
        self.audit_log = AccountEventRepository(unit, now)
        self.users = UserRepository(unit)
        self.sessions = AuthSessionRepository(unit)
        self.links = AccountLinkRepository(unit)
        self._unit = unit
        self._outbox = Outbox(unit, mailing.wake)
        self._mailing = mailing

    async def invite(self, user: User) -> None:
        """Mail the link that sets the first password.

        The mail omits the name of an unverified account, which anyone may have typed.
        """
        unproven = user.awaits_verification
        kind = NotificationKind.email_verification if unproven else NotificationKind.password_reset
        await self._mail_link(user, LinkPurpose.INVITATION, kind, FIRST_MAIL_LIFETIME)

    async def invite_stranger(self, user: User, strangers: StrangerMails) -> bool:
        """Invite an unverified address; return whether the mail is sent.

        At the daily limit the previous link stays valid.
        """
        may_be_sent = await strangers.take(user.email)
        if may_be_sent:
            await self.invite(user)
        else:
            logger.info("mail withheld", kind=NotificationKind.email_verification.value)
        return may_be_sent

    async def mail_way_in(self, user: User, strangers: StrangerMails) -> None:
        """Mail the user a link to a new password, unless the account is closed."""
        if user.awaits_verification:
            if not await self.invite_stranger(user, strangers):
                return
        elif user.is_active:
            kind, purpose = NotificationKind.password_reset, LinkPurpose.PASSWORD_RESET
            await self._mail_link(user, purpose, kind, RESET_LIFETIME)
        else:
            return
        self.audit_log.record(AccountAction.PASSWORD_RESET_ASKED, user.id, by=None)

    async def _mail_link(
        self, user: User, purpose: LinkPurpose, kind: NotificationKind, lifetime: timedelta
    ) -> None:
        token, until = secrets.token_urlsafe(TOKEN_BYTES), self.now + lifetime
        await self.links.store(user.id, purpose, stored_hash(token), self.now, until=until)
        payload = AccountLinkPayload(
            **self._greeting(user),
            link=f"{self._mailing.frontend_url}/{PAGES[purpose]}?token={token}",
            valid_for_minutes=int(lifetime.total_seconds()) // 60,
            is_first=purpose is LinkPurpose.INVITATION,
        )
        name = full_name(user.known_first_name, user.known_last_name)
        mail = OutgoingMail(
            kind=kind, payload=payload, to=user.email, name=name, pointless_after=until
        )
        self._outbox.put(mail, self.now)

    async def tell_of_new_password(self, user: User) -> None:
        """Notify the user of a changed password, except during a rollout.

        The previous release cannot read the mail, and the change must not wait.
        """
        kind = NotificationKind.password_changed
        try:
            await require_finished(self._unit)
        except UpdateUnderWay:
            logger.warning("mail skipped during the rollout", kind=kind.value)
            return
        self._tell(user, kind, AccountPayload(**self._greeting(user)), to=user.email)

    async def tell_of_new_address(self, user: User, former: str) -> None:
        """Notify both addresses of a verified account; raise `UpdateUnderWay`."""
        if user.awaits_verification:
            return
        await require_finished(self._unit)
        for address in (former, user.email):
            is_new = address == user.email
            payload = EmailChangedPayload(is_new=is_new, **self._greeting(user))
            self._tell(user, NotificationKind.email_changed, payload, to=address)

    def _greeting(self, user: User) -> dict[str, Any]:
        name = user.known_first_name or user.email
        return {"language": self._mailing.language, "first_name": name}

    def _tell(self, user: User, kind: NotificationKind, payload: Payload, *, to: str) -> None:
        name = full_name(user.known_first_name, user.known_last_name)
        self._outbox.put(OutgoingMail(kind=kind, payload=payload, to=to, name=name), self.now)

    async def set_password(self, user: User, hashed: str, *, but: UUID | None = None) -> None:
        """Set the password; end links and sessions, except the session `but`."""
        user.password_hash = hashed
        user.updated_at = self.now
        await self.end_access(user, but=but)

    async def end_access(self, user: User, *, but: UUID | None = None) -> None:
        """End links, sign-ins and sessions, except the session `but`."""
        await self.sessions.revoke_all(user.id, self.now, but=but)
        await TicketRepository(self.unit).drop_all(user.id)
        await self.links.drop_all(user.id)

    async def prove_address(self, user: User) -> None:
        if user.awaits_verification:
            user.awaits_verification, user.is_active = False, True
            user.updated_at = self.now
            self.audit_log.record(AccountAction.EMAIL_VERIFIED, user.id, by=user.id)
        await self.users.adopt_visitors(user, user, self.now)
