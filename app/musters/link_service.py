import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.auth.caller import Caller
from app.core.db.database import ReadSession, WriteSession
from app.core.db.rollout import require_finished
from app.core.db.scope import Scope
from app.core.errors import Forbidden, NotFound
from app.core.security.random_secrets import stored_hash
from app.musters.errors import DeadLink, UnknownLink
from app.musters.link_repository import LinkReader, LinkRepository
from app.musters.mails import MusterMails
from app.musters.models import Muster, MusterLink
from app.musters.repository import MusterRepository
from app.musters.schemas import LinkCreate
from app.musters.service import not_from
from app.musters.wardens import Warden, links_work

TOKEN_BYTES = 32
TOKEN_LENGTH = 43


@dataclass(frozen=True, slots=True)
class LinkService:
    """Makes and deletes the links of wardens without an account."""

    unit: WriteSession
    by: Actor
    scope: Scope
    now: datetime
    mails: MusterMails

    async def create(
        self, muster_id: UUID, form: LinkCreate, caller: Caller, *, shows_phones: bool
    ) -> tuple[MusterLink, str]:
        """Return a link and its URL, of which only a hash is stored.

        Raise `NotFound`, `Forbidden`, or `MusterTransition` if links of the muster no longer work.
        """
        muster = await self._locked(muster_id)
        if form.email is not None and caller.is_guard:
            raise Forbidden("Guards make links without an address")
        if not links_work(muster, self.now):
            raise not_from(muster)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = await LinkRepository(self.unit).store(
            muster.id, form.name, stored_hash(token), self.now, shows_phones=shows_phones
        )
        if form.email is not None:
            await require_finished(self.unit)
            await self.mails.tell(self.unit, muster, link, form.email, token, self.now)
        self._record(AuditAction.MUSTER_LINK_CREATED, muster, link)
        return link, self.mails.links.muster(token)

    async def delete(self, muster_id: UUID, link_id: UUID) -> None:
        """Let a link be dead for ever; raise `NotFound`."""
        muster = await self._locked(muster_id)
        link = await LinkRepository(self.unit).lock_known(link_id, muster.id)
        if link is None:
            raise NotFound
        link.deleted_at = self.now
        self._record(AuditAction.MUSTER_LINK_DELETED, muster, link)

    async def _locked(self, muster_id: UUID) -> Muster:
        muster = await MusterRepository(self.unit).lock_reached(muster_id, self.scope, shared=True)
        if muster is None:
            raise NotFound
        return muster

    def _record(self, action: AuditAction, muster: Muster, link: MusterLink) -> None:
        site = muster.site_id
        record(self.unit, action, muster.id, self.by, self.now, site=site, link=str(link.id))


async def find_warden(session: ReadSession, token: str, now: datetime) -> Warden:
    """Return who has a link; raise `UnknownLink` or `DeadLink`."""
    is_well_formed = len(token) == TOKEN_LENGTH and token.isascii()
    found = await LinkReader(session).by_hash(stored_hash(token)) if is_well_formed else None
    if found is None:
        raise UnknownLink
    link, muster = found
    if link.deleted_at is not None or not links_work(muster, now):
        raise DeadLink
    return Warden(link, muster)
