from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository
from app.auth.caller import Caller
from app.core.db.database import AfterCommit, WriteSession
from app.core.db.rollout import require_finished
from app.core.db.update_many import update_many
from app.core.errors import Invalid
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import ListedVisitor, SummaryOfVisits
from app.notifications.repository import Outbox, OutgoingMail
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.users.models import User
from app.users.repository import UserReader
from app.visitors import mails
from app.visitors.arrival import arrival_window
from app.visitors.co_hosts import others
from app.visitors.models import Visitor
from app.visitors.recipients import HOST
from app.visitors.repository import VisitorRepository, upcoming_of
from app.visitors.schemas import HOST_FIELDS


@dataclass(frozen=True, slots=True)
class HandedOver:
    visits: int
    left: int


class HandOver:
    def __init__(
        self, unit: WriteSession, wake: AfterCommit, caller: Caller, now: datetime
    ) -> None:
        self.unit = unit
        self.caller = caller
        self.now = now
        self.users = UserReader(unit)
        self.visitors = VisitorRepository(unit)
        self.outbox = Outbox(unit, wake)
        self.events = VisitorEventRepository(unit)

    async def run(self, former: User, to: UUID) -> HandedOver:
        """Hand over the upcoming visits; raise `Invalid` for a closed or unknown account.

        The new host gets one summary, an active former host a mail for each visit.
        """
        host = await self._receiver(former, to)
        await require_finished(self.unit)
        visits = await self.visitors.lock_upcoming(former.id, self.caller.scope)
        if visits:
            sites = await SiteReader(self.unit).by_id({visit.site_id for visit in visits})
            await self._change_hands(visits, host)
            self._notify_former_host(visits, sites, former, host)
            self._notify_new_host(visits, sites, host)
        left = await self.unit.scalar(
            select(func.count(Visitor.id)).where(*upcoming_of(former.id, self.caller.scope))
        )
        return HandedOver(len(visits), left or 0)

    async def _receiver(self, former: User, to: UUID) -> User:
        host = await self.users.get(to)
        if host is None or not self.caller.scope.meets(host.sites):
            raise Invalid.field("to", "unknown_user", "Unknown account")
        if not host.is_active:
            raise Invalid.field("to", "closed", "The account is closed")
        if host.id == former.id:
            raise Invalid.field("to", "same_host", "The visits already belong to this host")
        return host

    async def _change_hands(self, visits: Sequence[Visitor], host: User) -> None:
        await self.outbox.supersede_to_hosts([visit.id for visit in visits], self.now)
        await update_many(self.unit, Visitor, [self._changed(visit, host) for visit in visits])
        for visit in visits:
            self.events.record(
                visit.id,
                VisitorAction.UPDATED,
                self.caller,
                self.now,
                site=visit.site_id,
                host=host.id,
                fields=sorted(HOST_FIELDS),
            )

    def _changed(self, visit: Visitor, host: User) -> dict[str, Any]:
        return {
            "id": visit.id,
            "host_id": host.id,
            "host_name": host.name,
            "host_email": host.email,
            "host_as_sent": None,
            "host_closed": False,
            "co_hosts": others(visit.co_hosts, host.email),
            "revision": visit.revision + 1,
            "updated_at": self.now,
        }

    def _notify_former_host(
        self, visits: Sequence[Visitor], sites: dict[UUID, Site], former: User, host: User
    ) -> None:
        if not former.is_active:
            return
        for visit in visits:
            site = sites[visit.site_id]
            payload = mails.handed_over_payload(visit, site).model_copy(
                update={"new_host_name": host.name, "sequence": visit.revision + 1}
            )
            kind = NotificationKind.host_handed_over
            for mail in mails.to_host(kind, visit, site, payload, visit.revision + 1):
                if mail.co_host == HOST:
                    self.outbox.put(mail, self.now)

    def _notify_new_host(
        self, visits: Sequence[Visitor], sites: dict[UUID, Site], host: User
    ) -> None:
        last = max(visits, key=lambda visit: visit.visit_date)
        site = sites[last.site_id]
        payload = SummaryOfVisits(
            language=site.language,
            account_id=host.id,
            host_name=host.name,
            site_name=site.name,
            timezone=site.timezone,
            visitors=tuple(ListedVisitor(visitor_id=visit.id) for visit in visits),
        )
        mail = OutgoingMail(
            kind=NotificationKind.host_bulk_summary,
            payload=payload,
            to=host.email,
            name=host.name,
            pointless_after=arrival_window(last, site).closes,
        )
        self.outbox.put(mail, self.now)
