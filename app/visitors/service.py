"""The life of a visit: registered, changed, moved, cancelled, ended, erased."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller, CallerRole
from app.core.database import AfterCommit, WriteSession
from app.core.errors import NotFound
from app.core.idempotency import forget_mentions
from app.core.qr_token import QrTokens
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import VisitPayload
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.service import UnknownSite, move_seat
from app.users.repository import UserReader
from app.visitors import mails
from app.visitors.lifecycle import HOLDS_SEAT, leave, require_pending, require_transition
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.registering import Desk, Host, department_of, receiving
from app.visitors.repository import VisitorRepository

MOVES = ("site", "visit_date", "visit_time")


class VisitorDesk(Desk):
    """Everything that changes a visit, within one unit of work."""

    def __init__(
        self, unit: WriteSession, codes: QrTokens, wake: AfterCommit, now: datetime
    ) -> None:
        super().__init__(unit, codes, wake, now)
        self.visitors = VisitorRepository(unit)

    async def change(self, visitor_id: UUID, values: dict[str, Any], caller: Caller) -> Visitor:
        """Set fields; a new date, time or site moves the visit by the rules of a reschedule."""
        visitor = await self._locked(visitor_id, caller)
        moved_to = self._moved_to(visitor, values)
        await self._set_fields(visitor, values, caller)
        if moved_to is not None:
            await self._move(visitor, *moved_to, caller)
        return await self._saved(visitor)

    async def reschedule(self, visitor_id: UUID, day: date, at: time, caller: Caller) -> Visitor:
        """Move the visit: another seat, another code, a mail to visitor and host.

        To the time that it has it is moved already, as by a second click: nothing happens.
        """
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "moved")
        if (day, at) == (visitor.visit_date, visitor.visit_time):
            return await self.visitors.with_relations(visitor)
        await self._move(visitor, visitor.site_id, day, at, caller)
        return await self._saved(visitor)

    async def cancel(self, visitor_id: UUID, caller: Caller) -> Visitor:
        """Free the seat of a pending visit and tell visitor and host."""
        visitor = await self._locked(visitor_id, caller)
        require_transition(visitor.status, VisitorStatus.CANCELLED)
        await self.outbox.supersede(visitor.id, self.now)
        self._note_cancelled(visitor, caller)
        await self.slots.free(visitor.slot_id)
        saved = await self._saved(visitor)
        self._tell_cancelled(saved, saved.site, caller)
        return saved

    async def cancel_all(self, visitors: Sequence[Visitor], site: Site, caller: Caller) -> None:
        """Cancel locked pending visits of one site, each as `cancel` does."""
        for visitor in visitors:
            await self.outbox.supersede(visitor.id, self.now)
        for visitor in visitors:
            self._note_cancelled(visitor, caller)
            visitor.updated_at = self.now
            self._tell_cancelled(visitor, site, caller)
        await self.unit.flush()
        await self.slots.free_many(Counter(visitor.slot_id for visitor in visitors))

    async def end(self, visitor_id: UUID, action: VisitorAction, caller: Caller) -> Visitor:
        """Complete a visit that is inside, as a check-out or as such."""
        visitor = await self._locked(visitor_id, caller)
        await self.complete(visitor, action, caller)
        return await self._saved(visitor)

    async def complete(
        self, visitor: Visitor, action: VisitorAction, caller: Caller, **details: Any
    ) -> None:
        """Let a locked visitor out and free the seat."""
        leave(visitor, self.now, self.now)
        await self.slots.free(visitor.slot_id)
        self.events.record(visitor.id, action, caller, self.now, **details)

    async def delete(self, visitor_id: UUID, caller: Caller) -> None:
        """Free the seat and erase the person; the trail keeps an anonymous entry."""
        visitor = await self._locked(visitor_id, caller)
        if visitor.status in HOLDS_SEAT:
            await self.slots.free(visitor.slot_id)
        self.events.record(visitor.id, VisitorAction.DELETED, caller, self.now)
        await forget_mentions(self.unit, str(visitor.id))
        await self.outbox.erase_from_summaries([visitor.id], [visitor.created_at])
        await self.events.forget_addresses([visitor.id])
        await self.visitors.delete(visitor)

    async def resend(self, visitor_id: UUID, caller: Caller) -> None:
        """Queue the confirmation of a pending visit again."""
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "confirmed again")
        self.events.record(visitor.id, VisitorAction.EMAIL_RESENT, caller, self.now)
        await self._confirm_again(visitor)

    # -- steps --------------------------------------------------------------------------------

    async def _locked(self, visitor_id: UUID, caller: Caller) -> Visitor:
        visitor = await self.visitors.lock_visible(visitor_id, caller)
        if visitor is None:
            raise NotFound
        return visitor

    def _note_cancelled(self, visitor: Visitor, caller: Caller) -> None:
        visitor.status = VisitorStatus.CANCELLED
        self.events.record(visitor.id, VisitorAction.CANCELLED, caller, self.now)
        # A change of the calendar entry needs a higher SEQUENCE than the invitation's (RFC 5546).
        visitor.revision += 1

    def _tell_cancelled(self, visitor: Visitor, site: Site, caller: Caller) -> None:
        by_visitor = caller.role is CallerRole.VISITOR
        payload = mails.cancelled_payload(visitor, site, by_visitor=by_visitor)
        self._tell(visitor, site, payload, "cancelled")

    async def _saved(self, visitor: Visitor) -> Visitor:
        visitor.updated_at = self.now
        return await self.visitors.with_relations(visitor)

    async def _host(self, name: str | None, email: str | None, caller: Caller) -> Host:
        account = await UserReader(self.unit).active_host_id(email) if email else None
        return receiving(caller, name, email, account)

    def _moved_to(self, visitor: Visitor, values: dict[str, Any]) -> tuple[UUID, date, time] | None:
        present = (visitor.site_id, visitor.visit_date, visitor.visit_time)
        wanted = (
            values.get("site") or visitor.site_id,
            values.get("visit_date") or visitor.visit_date,
            values.get("visit_time") or visitor.visit_time,
        )
        return None if wanted == present else wanted

    async def _set_fields(self, visitor: Visitor, values: dict[str, Any], caller: Caller) -> None:
        plain = {name: value for name, value in values.items() if name not in MOVES}
        if "department" in plain:
            department = await department_of(self.unit, plain.pop("department"))
            plain["department_id"] = department.id if department else None
        if plain.keys() & {"host_name", "host_email"}:
            host = await self._host(
                plain.get("host_name", visitor.host_name),
                plain.get("host_email", visitor.host_email),
                caller,
            )
            plain |= {"host_id": host.id, "host_name": host.name, "host_email": host.email}
        old_email = visitor.email
        changed = [name for name, value in plain.items() if getattr(visitor, name) != value]
        for name in changed:
            setattr(visitor, name, plain[name])
        if changed:
            self.events.record(
                visitor.id, VisitorAction.UPDATED, caller, self.now, fields=sorted(changed)
            )
        if "email" in changed and visitor.status is VisitorStatus.PENDING:
            await self.outbox.supersede(visitor.id, self.now, to=old_email)
            await self._confirm_again(visitor)

    async def _move(
        self, visitor: Visitor, site_id: UUID, day: date, at: time, caller: Caller
    ) -> None:
        require_pending(visitor.status, "moved")
        before = (visitor.visit_date, visitor.visit_time)
        seat = await move_seat(self.unit, visitor.slot_id, site_id, day, at, self.now)
        self.visitors.retire_code(visitor, self.now)
        if not visitor.is_rescheduled:
            visitor.original_visit_date, visitor.original_visit_time = before
        visitor.site_id, visitor.slot_id = seat.site.id, seat.slot_id
        visitor.visit_date, visitor.visit_time = day, at
        visitor.is_rescheduled = True
        visitor.qr_code = self.codes.new()
        visitor.revision += 1
        self.events.record(
            visitor.id,
            VisitorAction.RESCHEDULED,
            caller,
            self.now,
            before=_when(*before),
            after=_when(day, at),
        )
        await self.outbox.supersede(visitor.id, self.now)
        payload = mails.moved_payload(visitor, seat.site, *before)
        self._tell(visitor, seat.site, payload, "rescheduled")

    def _tell(self, visitor: Visitor, site: Site, payload: VisitPayload, event: str) -> None:
        to_visitor = NotificationKind(f"visitor_{event}")
        self.outbox.put(
            mails.to_visitor(to_visitor, visitor, site, payload, visitor.revision), self.now
        )
        to_host = NotificationKind(f"host_{event}")
        for mail in mails.to_host(to_host, visitor, site, payload, visitor.revision):
            self.outbox.put(mail, self.now)

    async def _confirm_again(self, visitor: Visitor) -> None:
        site = await SiteReader(self.unit).get(visitor.site_id)
        if site is None:
            raise UnknownSite
        kind = NotificationKind.visitor_confirmation
        version = await self.outbox.next_version(visitor.id, kind)
        payload = mails.visit_payload(visitor, site)
        self.outbox.put(mails.to_visitor(kind, visitor, site, payload, version), self.now)


def _when(day: date, at: time) -> str:
    return f"{day.isoformat()} {at:%H:%M}"
