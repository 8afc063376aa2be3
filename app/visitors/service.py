from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
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
from app.devices.errors import UnknownSite
from app.events.repository import EventRepository
from app.notifications.kinds import TO_VISITOR, NotificationKind
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.service import bookable_site, move_seat
from app.users.repository import UserReader
from app.users.roles import Permission
from app.visitors import mails
from app.visitors.budget_limits import Budgets
from app.visitors.co_hosts import changed
from app.visitors.errors import ONE_FOR_AN_ADDRESS, NoAddress
from app.visitors.group_repository import GroupKeeper
from app.visitors.host_service import NamedHost, NotYourVisit, resolve
from app.visitors.lifecycle import (
    HOLDS_SEAT,
    InvalidTransition,
    end_away,
    leave,
    require_open,
    require_pending,
    require_transition,
    reschedule,
)
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.notifying_service import CONFIRMATION, NotifyingService
from app.visitors.recipients import MailboxChange, NewRecipients
from app.visitors.registration import self_registration_key
from app.visitors.registration_service import department_of
from app.visitors.repository import VisitorRepository
from app.visitors.schemas import HOST_FIELDS, MOVES
from app.visitors.stay_models import OutMethod
from app.visitors.stay_repository import StayRepository
from app.visitors.stays import require_stay
from app.visitors.undo import done_by


class VisitorService(NotifyingService):
    def __init__(
        self, unit: WriteSession, codes: QrTokens, wake: AfterCommit, now: datetime
    ) -> None:
        super().__init__(unit, codes, wake, now)
        self.visitors = VisitorRepository(unit)
        self.stays = StayRepository(unit)

    async def change(
        self,
        visitor_id: UUID,
        values: dict[str, Any],
        caller: Caller,
        budgets: Budgets,
        *,
        names_host: bool = True,
        notify: bool = True,
    ) -> Visitor:
        """Change fields, and notify those whose earlier mails are outdated.

        Without `names_host`, a host with an account stays; without `notify`, nobody is told of
        another duration. Raise `TooManyRequests`.
        """
        with refusals(ONE_FOR_AN_ADDRESS):
            return await self._change(
                visitor_id, values, caller, budgets, names_host=names_host, notify=notify
            )

    async def _change(
        self,
        visitor_id: UUID,
        values: dict[str, Any],
        caller: Caller,
        budgets: Budgets,
        *,
        names_host: bool,
        notify: bool,
    ) -> Visitor:
        visitor = await self._locked(visitor_id, caller)
        said = {field: values.pop(field) for field in HOST_FIELDS if field in values}
        if visitor.host_id is not None and not names_host:
            said = {}
        moved_to = self._moved_to(visitor, values)
        if visitor.email is not None and values.get("email", "") is None:
            await require_finished(self.unit)
        before = _host_of(visitor)
        host = before
        if said:
            users, site_id = UserReader(self.unit), visitor.site_id
            host = await resolve(users, said, before, caller, site_id)
        is_handed_over = not host.is_same_as(before) and host != before
        co_hosts = changed(visitor.co_hosts, values.get("co_hosts", visitor.co_hosts), host.email)
        values["co_hosts"] = co_hosts.after
        duration = await self._wanted_duration(visitor, values)
        is_longer = duration != visitor.duration_minutes
        mailbox = MailboxChange.between(visitor.email, values.get("email", visitor.email))
        recipients = NewRecipients(
            visitor=mailbox.gained,
            have_new_code=mailbox.lost,
            host=is_handed_over,
            co_hosts=co_hosts.new,
            former_co_hosts=[one["email"] for one in co_hosts.removed],
            former_duration=visitor.duration_minutes if is_longer else None,
            tells_duration=is_longer and notify and visitor.status is VisitorStatus.PENDING,
        )
        to_former = await self._mails_to_former_hosts(visitor, host, recipients)
        if not await self._set_fields(visitor, values, host, caller) and moved_to is None:
            return await self.visitors.with_relations(visitor)
        async with self._counted(visitor, recipients, budgets, caller, moved=moved_to is not None):
            await self._leave_mailbox(visitor, mailbox)
            await self._carry_out(visitor, moved_to, recipients, caller)
            for mail in to_former:
                self.outbox.put(replace(mail, version=visitor.revision), self.now)
            if mailbox.gained and visitor.is_self_registered:
                visitor.self_registration_key = self_registration_key(visitor.email)
            return await self._saved(visitor)

    async def _carry_out(
        self,
        visitor: Visitor,
        moved_to: tuple[UUID, date, time] | None,
        recipients: NewRecipients,
        caller: Caller,
    ) -> None:
        if moved_to is not None:
            await self._move(visitor, *moved_to, caller, recipients)
        elif recipients and visitor.status in HOLDS_SEAT:
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
            async with budgets.change(visitor_id, caller, len(visitor.co_hosts)):
                await self._move(visitor, visitor.site_id, day, at, caller, NewRecipients())
                return await self._saved(visitor)

    async def cancel(self, visitor_id: UUID, caller: Caller) -> Visitor:
        """Cancel a pending visit, free its seat, and notify visitor and host."""
        visitor = await self._locked(visitor_id, caller)
        await self.require_change(visitor, VisitorStatus.CANCELLED)
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

    async def complete(self, visitor_id: UUID, caller: Caller) -> Visitor:
        """Complete the visit of a visitor who is inside or away, and free the seat."""
        visitor = await self._locked(visitor_id, caller)
        is_inside = not visitor.is_away
        if visitor.is_away:
            end_away(visitor, self.now)
        else:
            await self.require_change(visitor, VisitorStatus.COMPLETED)
            stay = require_stay((await self.stays.newest([visitor])).get(visitor.id))
            leave(visitor, stay, self.now, self.now, OutMethod.DESK)
            await self.stays.save([stay])
        await self.outbox.supersede([visitor.id], self.now)  # slots are locked last
        await self.seats.free(visitor.seat)
        self._record(VisitorAction.COMPLETED, visitor, caller, is_final_exit=is_inside)
        return await self._saved(visitor)

    async def require_change(self, visitor: Visitor, wanted: VisitorStatus) -> None:
        """Raise `InvalidTransition`, naming the faster caller, unless `wanted` may follow."""
        try:
            require_transition(visitor.status, wanted)
        except InvalidTransition as refused:
            refused.members["by"] = done_by(
                visitor.presence, await self.events.of_visitor(visitor.id)
            )
            raise

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
        await EventRepository(self.unit).erase_of([visitor.id])
        await self.visitors.erase_elsewhere([visitor.id])
        await self.visitors.delete(visitor)
        await self._tidy_group(visitor.group_id)

    async def resend(self, visitor_id: UUID, caller: Caller, budgets: Budgets) -> None:
        """Queue the confirmation of a pending visit again; raise `TooManyRequests`."""
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "confirmed again")
        if visitor.email is None:
            raise NoAddress
        self.unit.require_current()
        await budgets.resend(visitor_id)
        self._record(VisitorAction.EMAIL_RESENT, visitor, caller)
        site = await self._site_of(visitor)
        visitor.revision += 1
        self._notify_visitor(CONFIRMATION, visitor, site, mails.visit_payload(visitor, site))

    async def replace_code(self, visitor_id: UUID, caller: Caller, budgets: Budgets) -> Visitor:
        """Give a pending visit a new code, and mail it, if there is an address.

        Raise `TooManyRequests` as `resend` does.
        """
        await require_finished(self.unit)
        visitor = await self._locked(visitor_id, caller)
        require_pending(visitor.status, "given another code")
        self.unit.require_current()
        if visitor.email is not None:
            await budgets.resend(visitor_id)
        await self._replace_codes(visitor)
        self._record(VisitorAction.CODE_REPLACED, visitor, caller)
        if visitor.email is not None:
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
        about: dict[str, Any] = {"site": visitor.site_id, "host": visitor.host_id}
        self.events.record(visitor.id, action, caller, self.now, **about, **details)

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
        differing = [name for name, value in plain.items() if getattr(visitor, name) != value]
        for name in differing:
            setattr(visitor, name, plain[name])
        if differing:
            self._record(VisitorAction.UPDATED, visitor, caller, fields=sorted(differing))
        if plain.keys() & set(differing) & set(HOST_FIELDS):
            # A user named the host, so the visitor may see them.
            visitor.host_as_sent, visitor.host_closed = None, False
        return bool(differing)

    async def _wanted_duration(self, visitor: Visitor, values: dict[str, Any]) -> int:
        """Return the duration after a change, for null the usual one of the site.

        Raise `InvalidTransition` for another one once the visit is over.
        """
        wanted = values.get("duration_minutes", visitor.duration_minutes)
        if wanted is None:
            site = await SiteReader(self.unit).get(values.get("site") or visitor.site_id)
            wanted = visitor.duration_minutes if site is None else site.visit_minutes
            values["duration_minutes"] = wanted
        if wanted != visitor.duration_minutes:
            require_open(visitor.status, "given another duration")
            await require_finished(self.unit)
        return int(wanted)

    def _counted(
        self,
        visitor: Visitor,
        recipients: NewRecipients,
        budgets: Budgets,
        caller: Caller,
        *,
        moved: bool,
    ) -> AbstractAsyncContextManager[None]:
        """Count a change that mails others than the host."""
        co_hosts = recipients.mailed_co_hosts(len(visitor.co_hosts), moved=moved)
        is_mailed = recipients.visitor or recipients.tells_duration or co_hosts > 0
        if moved or (is_mailed and visitor.status in HOLDS_SEAT):
            return budgets.change(visitor.id, caller, co_hosts)
        return nullcontext()

    async def _leave_mailbox(self, visitor: Visitor, mailbox: "MailboxChange") -> None:
        """Replace a code that a former mailbox knows; without a new one, drop the mails to it."""
        if not (mailbox.lost or mailbox.gained):
            return
        visitor.self_registration_key = None  # until the visit has its slot
        if mailbox.lost:
            await self._replace_codes(visitor)
        if visitor.email is None:
            await self.outbox.supersede([visitor.id], self.now, TO_VISITOR)

    async def _replace_codes(self, visitor: Visitor) -> None:
        """Replace the code, and refuse all former ones as replaced."""
        self.visitors.retire_code(visitor, self.now)
        await self.visitors.note_replaced(visitor.id)
        visitor.qr_code = self.codes.new()

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
        recipients: NewRecipients,
    ) -> None:
        require_pending(visitor.status, "moved")
        before, left = (visitor.visit_date, visitor.visit_time), await self._site_of(visitor)
        _require_move(caller, visitor.site_id, site_id)
        site = await bookable_site(self.unit, site_id, day, at, self.now)
        await self.outbox.supersede([visitor.id], self.now)  # slots are locked last
        seat = await move_seat(self.unit, visitor.seat, site, day, at, self.now)
        if not recipients.have_new_code:
            self.visitors.retire_code(visitor, self.now)
            visitor.qr_code = self.codes.new()
        if seat.site.id != visitor.site_id:
            await self._leave_group(visitor)
        times = reschedule(visitor, seat.site.id, seat.slot_id, day, at)
        if seat.site.id != left.id:
            times["from_site"] = str(left.id)
        self._record(VisitorAction.RESCHEDULED, visitor, caller, **times)
        moved = mails.moved_payload(visitor, seat.site, *before, left)
        booked = mails.visit_payload(visitor, seat.site)
        if recipients.visitor:
            self._notify_visitor(CONFIRMATION, visitor, seat.site, booked)
        else:
            self._notify_visitor(NotificationKind.visitor_rescheduled, visitor, seat.site, moved)
        change = (NotificationKind.host_rescheduled, moved)
        self._notify_hosts(visitor, seat.site, recipients, change)

    async def _leave_group(self, visitor: Visitor) -> None:
        """Take a visitor who moves to another site out of the group, which comes to one."""
        group_id, visitor.group_id = visitor.group_id, None
        await self._tidy_group(group_id)

    async def _tidy_group(self, group_id: UUID | None) -> None:
        if group_id is not None:
            await GroupKeeper(self.unit).tidy([group_id])


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
