from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller, CallerRole
from app.core.db.database import AfterCommit, WriteSession
from app.core.db.repository import refusals
from app.core.db.rollout import require_finished
from app.core.errors import Forbidden, NotFound
from app.core.http.idempotency import forget_mentions
from app.core.security.qr_token import QrTokens
from app.core.text import account_key, is_same_mailbox
from app.devices.errors import UnknownSite
from app.notifications.kinds import TO_HOST, TO_VISITOR, NotificationKind
from app.notifications.payloads import VisitPayload
from app.notifications.repository import OutgoingMail
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.service import move_seat
from app.users.repository import UserReader
from app.users.roles import Permission
from app.visitors import mails
from app.visitors.budget_limits import Budgets
from app.visitors.errors import ONE_FOR_AN_ADDRESS
from app.visitors.host_service import NamedHost, NotYourVisit, resolve
from app.visitors.lifecycle import HOLDS_SEAT, leave, require_pending, require_transition
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.registration_service import BaseVisitorService, department_of
from app.visitors.repository import VisitorRepository
from app.visitors.schemas import HOST_FIELDS, MOVES

CONFIRMATION = NotificationKind.visitor_confirmation


class VisitorService(BaseVisitorService):
    def __init__(
        self, unit: WriteSession, codes: QrTokens, wake: AfterCommit, now: datetime
    ) -> None:
        super().__init__(unit, codes, wake, now)
        self.visitors = VisitorRepository(unit)

    async def change(
        self,
        visitor_id: UUID,
        values: dict[str, Any],
        caller: Caller,
        budgets: Budgets,
        *,
        names_host: bool = True,
    ) -> Visitor:
        """Change fields, and notify those whose earlier mails are outdated.

        Without `names_host`, a host with an account stays. Raise `TooManyRequests`.
        """
        with refusals(ONE_FOR_AN_ADDRESS):
            return await self._change(visitor_id, values, caller, budgets, names_host=names_host)

    async def _change(
        self,
        visitor_id: UUID,
        values: dict[str, Any],
        caller: Caller,
        budgets: Budgets,
        *,
        names_host: bool,
    ) -> Visitor:
        visitor = await self._locked(visitor_id, caller)
        said = {field: values.pop(field) for field in HOST_FIELDS if field in values}
        if visitor.host_id is not None and not names_host:
            said = {}
        moved_to = self._moved_to(visitor, values)
        before = _host_of(visitor)
        host = await resolve(UserReader(self.unit), said, before, caller) if said else before
        is_handed_over = not host.is_same_as(before) and host != before
        to_former_host = await self._mails_to_former_host(visitor, host) if is_handed_over else []
        former_address = visitor.email
        is_changed = await self._set_fields(visitor, values, host, caller)
        if not is_changed and moved_to is None:
            return await self.visitors.with_relations(visitor)
        readdressed = not is_same_mailbox(visitor.email, former_address)
        recipients = NewRecipients(visitor=readdressed, host=is_handed_over)
        is_mailed = moved_to is not None or (readdressed and visitor.status in HOLDS_SEAT)
        async with budgets.change(visitor_id, caller) if is_mailed else nullcontext():
            await self._carry_out(visitor, moved_to, recipients, caller)
            for mail in to_former_host:
                self.outbox.put(replace(mail, version=visitor.revision), self.now)
            if readdressed and visitor.is_self_registered:
                visitor.self_registration_key = account_key(visitor.email)
            return await self._saved(visitor)

    async def _carry_out(
        self,
        visitor: Visitor,
        moved_to: tuple[UUID, date, time] | None,
        recipients: "NewRecipients",
        caller: Caller,
    ) -> None:
        if recipients.visitor:
            visitor.self_registration_key = None  # until the visit has its slot
            await self._replace_codes(visitor)
        if moved_to is not None:
            await self._move(visitor, *moved_to, caller, recipients)
        elif visitor.status in HOLDS_SEAT:
            await self._notify_recipients(visitor, recipients)

    async def reschedule(
        self, visitor_id: UUID, day: date, at: time, caller: Caller, budgets: Budgets
    ) -> Visitor:
        """Move the visit to another seat; the same time changes nothing."""
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "moved")
        if (day, at) == (visitor.visit_date, visitor.visit_time):
            return await self.visitors.with_relations(visitor)
        with refusals(ONE_FOR_AN_ADDRESS):
            async with budgets.change(visitor_id, caller):
                await self._move(visitor, visitor.site_id, day, at, caller, NewRecipients())
                return await self._saved(visitor)

    async def cancel(self, visitor_id: UUID, caller: Caller) -> Visitor:
        """Cancel a pending visit, free its seat, and notify visitor and host."""
        visitor = await self._locked(visitor_id, caller)
        require_transition(visitor.status, VisitorStatus.CANCELLED)
        await self.outbox.supersede([visitor.id], self.now)
        self._note_cancelled(visitor, caller)
        await self.seats.free(visitor.seat)
        saved = await self._saved(visitor)
        self._notify_of_cancellation(saved, saved.site, caller)
        return saved

    async def cancel_all(self, visitors: Sequence[Visitor], site: Site, caller: Caller) -> None:
        """Cancel locked pending visits of one site."""
        await self.outbox.supersede([visitor.id for visitor in visitors], self.now)
        for visitor in visitors:
            self._note_cancelled(visitor, caller)
            visitor.updated_at = self.now
            self._notify_of_cancellation(visitor, site, caller)
        await self.unit.flush()
        await self.seats.free(*(visitor.seat for visitor in visitors))

    async def end(self, visitor_id: UUID, action: VisitorAction, caller: Caller) -> Visitor:
        visitor = await self._locked(visitor_id, caller)
        await self.complete(visitor, action, caller)
        return await self._saved(visitor)

    async def complete(
        self, visitor: Visitor, action: VisitorAction, caller: Caller, **details: Any
    ) -> None:
        """Check out a locked visitor and free the seat."""
        leave(visitor, self.now, self.now)
        await self.seats.free(visitor.seat)
        await self.outbox.supersede([visitor.id], self.now)
        self._record(action, visitor, caller, **details)

    async def delete(self, visitor_id: UUID, caller: Caller, *, notify: bool = True) -> None:
        """Free the seat and erase the person, with a cancellation if `notify`."""
        visitor = await self._locked(visitor_id, caller)
        if not _may_erase(caller, visitor):
            raise Forbidden("Delegates cannot erase visits")
        if notify and visitor.status is VisitorStatus.PENDING:
            await self._mail_deletion(visitor)
        if visitor.status in HOLDS_SEAT:
            await self.seats.free(visitor.seat)
        self._record(VisitorAction.DELETED, visitor, caller)
        await forget_mentions(self.unit, str(visitor.id))
        await self.outbox.erase_from_summaries([visitor.id], [visitor.created_at])
        await self.events.erase_values([visitor.id])
        await self.visitors.delete(visitor)

    async def resend(self, visitor_id: UUID, caller: Caller, budgets: Budgets) -> None:
        """Queue the confirmation of a pending visit again; raise `TooManyRequests`."""
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "confirmed again")
        await budgets.resend(visitor_id)
        self._record(VisitorAction.EMAIL_RESENT, visitor, caller)
        site = await self._site_of(visitor)
        visitor.revision += 1
        self._notify_visitor(CONFIRMATION, visitor, site, mails.visit_payload(visitor, site))

    async def replace_code(self, visitor_id: UUID, caller: Caller, budgets: Budgets) -> Visitor:
        """Mail a new code of a pending visit; raise `TooManyRequests` as `resend` does."""
        await require_finished(self.unit)
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "given another code")
        await budgets.resend(visitor_id)
        await self._replace_codes(visitor)
        self._record(VisitorAction.CODE_REPLACED, visitor, caller)
        await self._notify_recipients(visitor, NewRecipients(visitor=True))
        return await self._saved(visitor)

    # -- steps --------------------------------------------------------------------------------

    async def _locked(self, visitor_id: UUID, caller: Caller) -> Visitor:
        visitor = await self.visitors.lock_visible(visitor_id, caller)
        if visitor is None:
            raise NotFound
        return visitor

    def _record(
        self, action: VisitorAction, visitor: Visitor, caller: Caller, **details: Any
    ) -> None:
        site = visitor.site_id
        self.events.record(visitor.id, action, caller, self.now, site=site, **details)

    def _note_cancelled(self, visitor: Visitor, caller: Caller) -> None:
        visitor.status = VisitorStatus.CANCELLED
        self._record(VisitorAction.CANCELLED, visitor, caller)
        # RFC 5546: a change needs a higher SEQUENCE than the invitation.
        visitor.revision += 1

    def _notify_of_cancellation(self, visitor: Visitor, site: Site, caller: Caller) -> None:
        by_visitor = caller.role is CallerRole.VISITOR
        payload = mails.cancelled_payload(visitor, site, by_visitor=by_visitor)
        self._notify_visitor(NotificationKind.visitor_cancelled, visitor, site, payload)
        self._notify_host(NotificationKind.host_cancelled, visitor, site, payload)

    async def _saved(self, visitor: Visitor) -> Visitor:
        visitor.updated_at = self.now
        return await self.visitors.with_relations(visitor)

    def _moved_to(self, visitor: Visitor, values: dict[str, Any]) -> tuple[UUID, date, time] | None:
        present = (visitor.site_id, visitor.visit_date, visitor.visit_time)
        wanted = (
            values.get("site") or visitor.site_id,
            values.get("visit_date") or visitor.visit_date,
            values.get("visit_time") or visitor.visit_time,
        )
        return None if wanted == present else wanted

    async def _set_fields(
        self, visitor: Visitor, values: dict[str, Any], host: NamedHost, caller: Caller
    ) -> bool:
        plain = {name: value for name, value in values.items() if name not in MOVES}
        if "department" in plain:
            department = await department_of(self.unit, plain.pop("department"))
            plain["department_id"] = department.id if department else None
        plain |= {"host_id": host.id, "host_name": host.name, "host_email": host.email}
        changed = [name for name, value in plain.items() if getattr(visitor, name) != value]
        for name in changed:
            setattr(visitor, name, plain[name])
        if changed:
            self._record(VisitorAction.UPDATED, visitor, caller, fields=sorted(changed))
        if plain.keys() & set(changed) & set(HOST_FIELDS):
            # A user named the host, so the visitor may see them.
            visitor.host_as_sent, visitor.host_closed = None, False
        return bool(changed)

    async def _replace_codes(self, visitor: Visitor) -> None:
        """Replace the code, and refuse all former ones as replaced."""
        self.visitors.retire_code(visitor, self.now)
        await self.visitors.note_replaced(visitor.id)
        visitor.qr_code = self.codes.new()

    async def _mails_to_former_host(self, visitor: Visitor, host: NamedHost) -> list[OutgoingMail]:
        """Return the mails to the former host, about the visit as they know it."""
        if visitor.status not in HOLDS_SEAT:
            return []
        site = await self._site_of(visitor)
        if host.email is not None:
            await self.outbox.supersede_hand_over(visitor.id, host.email, self.now)
        payload = mails.handed_over_payload(visitor, site).model_copy(
            update={"new_host_name": host.name or host.email, "sequence": visitor.revision + 1}
        )
        kind = NotificationKind.host_handed_over
        to_former_host = mails.to_host(kind, visitor, site, payload, visitor.revision)
        if to_former_host:
            await require_finished(self.unit)
        return to_former_host

    async def _mail_deletion(self, visitor: Visitor) -> None:
        site = await self._site_of(visitor)
        host_email = visitor.host_email
        if host_email is not None and await self._is_closed(visitor):
            host_email = site.reception_email
        visitor.revision += 1
        lease_ends_at = await self.outbox.last_lease_ends_at(visitor.id, self.now)
        for mail in mails.deletion_mails(visitor, site, host_email, self.now):
            self.outbox.put(replace(mail, not_before=lease_ends_at), self.now)

    async def _is_closed(self, visitor: Visitor) -> bool:
        if visitor.host_closed or visitor.host_id is None:
            return visitor.host_closed
        account = await UserReader(self.unit).get(visitor.host_id)
        return account is None or not account.is_active

    async def _move(
        self,
        visitor: Visitor,
        site_id: UUID,
        day: date,
        at: time,
        caller: Caller,
        recipients: "NewRecipients",
    ) -> None:
        require_pending(visitor.status, "moved")
        before, left = (visitor.visit_date, visitor.visit_time), await self._site_of(visitor)
        _require_move(caller, visitor.site_id, site_id)
        seat = await move_seat(self.unit, visitor.seat, site_id, day, at, self.now)
        if not recipients.visitor:
            self.visitors.retire_code(visitor, self.now)
            visitor.qr_code = self.codes.new()
        if not visitor.is_rescheduled:
            visitor.original_visit_date, visitor.original_visit_time = before
        visitor.site_id, visitor.slot_id = seat.site.id, seat.slot_id
        visitor.visit_date, visitor.visit_time = day, at
        visitor.is_rescheduled = True
        visitor.revision += 1
        times = {"before": _when(*before), "after": _when(day, at)}
        self._record(VisitorAction.RESCHEDULED, visitor, caller, **times)
        await self.outbox.supersede([visitor.id], self.now)
        moved = mails.moved_payload(visitor, seat.site, *before, left)
        booked = mails.visit_payload(visitor, seat.site)
        if recipients.visitor:
            self._notify_visitor(CONFIRMATION, visitor, seat.site, booked)
        else:
            self._notify_visitor(NotificationKind.visitor_rescheduled, visitor, seat.site, moved)
        if recipients.host:
            self._notify_host(NotificationKind.host_registration, visitor, seat.site, booked)
        else:
            self._notify_host(NotificationKind.host_rescheduled, visitor, seat.site, moved)

    async def _notify_recipients(self, visitor: Visitor, recipients: "NewRecipients") -> None:
        """Notify new recipients of a visit that was not moved."""
        if not (recipients.visitor or recipients.host):
            return
        site = await self._site_of(visitor)
        visitor.revision += 1
        payload = mails.visit_payload(visitor, site)
        if recipients.visitor:
            await self.outbox.supersede([visitor.id], self.now, TO_VISITOR)
        if recipients.host:
            await self.outbox.supersede([visitor.id], self.now, TO_HOST)
        if recipients.visitor:
            self._notify_visitor(CONFIRMATION, visitor, site, payload)
        if recipients.host:
            self._notify_host(NotificationKind.host_registration, visitor, site, payload)

    def _notify_visitor(
        self, kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload
    ) -> None:
        mail = mails.to_visitor(kind, visitor, site, payload, visitor.revision)
        self.outbox.put(mail, self.now)

    def _notify_host(
        self, kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload
    ) -> None:
        for mail in mails.to_host(kind, visitor, site, payload, visitor.revision):
            self.outbox.put(mail, self.now)

    async def _site_of(self, visitor: Visitor) -> Site:
        site = await SiteReader(self.unit).get(visitor.site_id)
        if site is None:
            raise UnknownSite
        return site


@dataclass(frozen=True, slots=True)
class NewRecipients:
    """The new recipients, who are notified as of a new visit."""

    visitor: bool = False
    host: bool = False


def _host_of(visitor: Visitor) -> NamedHost:
    return NamedHost(visitor.host_id, visitor.host_name, visitor.host_email)


def _may_erase(caller: Caller, visitor: Visitor) -> bool:
    """Return whether the visit is in scope without acting for another host."""
    if caller.is_host:
        return visitor.host_id == caller.id
    return caller.scope.has_site(visitor.site_id)


def _require_move(caller: Caller, site_id: UUID, to: UUID) -> None:
    """Raise `UnknownSite`, or `NotYourVisit` if a delegate could erase the visit afterwards."""
    if to == site_id:
        return
    if not caller.scope.has_site(to):
        raise UnknownSite
    if not caller.scope.has_site(site_id) and Permission.VISITORS_ERASE in caller.permissions:
        raise NotYourVisit("Delegates cannot move visits to a site where they could erase them")


def _when(day: date, at: time) -> str:
    return f"{day.isoformat()} {at:%H:%M}"
