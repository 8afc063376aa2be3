from collections.abc import Collection, Sequence
from datetime import datetime

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.caller import Caller
from app.core.db.inserting import values_of
from app.core.db.plain import new_plain
from app.core.observability.metrics import counted
from app.devices.errors import UnknownSite
from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.seats import HeldSeat
from app.visitors.group_models import Group
from app.visitors.metrics import BOOKINGS, Channel
from app.visitors.models import Visitor
from app.visitors.registration import Registration
from app.visitors.registration_service import RegistrationService
from app.visitors.summary_mails import summaries


def new_group(name: str, site: Site, caller: Caller, now: datetime) -> Group:
    """Return a group that is stored when its visitors are booked."""
    by = caller.account_id
    return new_plain(Group, name=name, site_id=site.id, created_by=by, created_at=now)


class BatchService(RegistrationService):
    """Registers many visitors at once: the rows of an upload, the members of a group."""

    async def lock_slots(self, wanted: Collection[SlotKey]) -> Sequence[Slot]:
        """Create missing slots and lock all of them, in the common order."""
        await self.seats.create(wanted, self.now)
        slots = await self.seats.lock_keys(wanted)
        if len(slots) < len(wanted):  # a site has just been deleted
            raise UnknownSite
        return slots

    async def book(
        self,
        registrations: Sequence[Registration],
        slots: Sequence[Slot],
        group: Group | None = None,
    ) -> list[Visitor]:
        """Take seats in locked slots that have them; create the visitors, their mails and group.

        Each host gets one summary.
        """
        ids = {slot.key: slot.id for slot in slots}
        booked = [
            (each, ids[SlotKey.of(each.site.id, each.day, each.at)]) for each in registrations
        ]
        await self.seats.take(*(HeldSeat(slot_id, by_stranger=False) for _, slot_id in booked))
        if group is not None:
            self._create(group, registrations)
        visitors = self.register_all(booked, summaries, group)
        self.unit.after_commit(counted(BOOKINGS[Channel.BULK], len(visitors)))
        return visitors

    def _create(self, group: Group, registrations: Sequence[Registration]) -> None:
        self.unit.append(Group, values_of(group))
        record(
            self.unit,
            AuditAction.GROUP_CREATED,
            group.id,
            registrations[0].caller,
            self.now,
            site=group.site_id,
            visitors=len(registrations),
        )
