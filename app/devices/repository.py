"""SQL of devices."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import String, and_, bindparam, column, null, or_, select, table, update
from sqlalchemy.types import Boolean, Uuid

from app.audit.repository import KnownActor
from app.core.db.database import ReadSession
from app.core.db.inserting import as_json, insertion
from app.core.db.prepared import Command, Query
from app.core.db.repository import ReadRepository, Repository, refusals
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.devices.errors import UnknownSite
from app.devices.models import Device, DeviceKind
from app.events.kinds import EventType
from app.events.models import PendingEvent
from app.events.outbox import OUTBOX_COLUMNS, emit, pending_row

DEVICE = "device"
"""The type of the subject of events."""

BY_NAME = Ordering("devices", (Device.name, Device.id), descending=False)
# The sites package is above this one.
SITES = table(
    "sites",
    column("id", Uuid()),
    column("is_default", Boolean()),
    column("name", String()),
    column("language", String()),
)
_REPLACED = and_(
    Device.previous_key_hash == bindparam("key_hash"), Device.previous_key_until > bindparam("now")
)
_BY_KEY = Query(
    select(
        Device.id, Device.kind, Device.name, Device.site_id, Device.gate, Device.last_seen_at
    ).where(or_(Device.key_hash == bindparam("key_hash"), _REPLACED))
)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """The device that makes a request."""

    id: UUID
    kind: DeviceKind
    name: str
    site_id: UUID
    gate: str | None
    last_seen_at: datetime | None


async def device_of_key(session: ReadSession, key_hash: bytes, now: datetime) -> KnownDevice | None:
    """Return the device of a current or still valid previous key."""
    found = await session.row(_BY_KEY, key_hash=key_hash, now=now)
    if found is None:
        return None
    id_, kind, *others = found
    return KnownDevice(id_, DeviceKind(kind), *others)


def _noting_seen() -> Command:
    """Set when a device was seen, and store the event if it was offline.

    No scan waits for a locked row.
    """
    now = bindparam("now", type_=Device.last_seen_at.type)
    before = bindparam("before", type_=Device.last_seen_at.type)
    due = (
        select(Device.id, Device.offline_at)
        .where(
            Device.id == bindparam("device_id", type_=Uuid()),
            or_(Device.last_seen_at.is_(None), Device.last_seen_at <= before),
        )
        .with_for_update(skip_locked=True, key_share=True)
        .cte("due")
    )
    seen = (
        update(Device)
        .where(Device.id == due.c.id)
        .values(last_seen_at=now, offline_at=null())
        .returning(due.c.id, due.c.offline_at)
        .cte("seen")
    )
    back = select(seen.c.id).where(seen.c.offline_at.is_not(None)).cte("back")
    told = insertion(PendingEvent, OUTBOX_COLUMNS, "events", when=[back]).cte("told")
    return Command(select(seen.c.id).add_cte(told))


_NOTE_SEEN = _noting_seen()


class DeviceReader(ReadRepository[Device]):
    model = Device

    async def page(
        self, scope: Scope, page: PageRequest
    ) -> tuple[list[Device], str | None, int | None]:
        """Return the devices in scope by name."""
        statement = self.statement().where(*scope.of_sites(Device.site_id))
        return await paginate(self.session, statement, BY_NAME, page)

    async def reached(self, device_id: UUID, scope: Scope) -> Device | None:
        """Return a device that is in scope."""
        return await self.session.scalar(
            self.statement().where(Device.id == device_id, *scope.of_sites(Device.site_id))
        )

    async def site_facts(self, site_id: UUID) -> tuple[str, str]:
        """Return the name and the language of the site of a device."""
        found = await self.session.rows(
            select(SITES.c.name, SITES.c.language).where(SITES.c.id == site_id)
        )
        name, language = found.one()
        return name, language

    async def default_site(self) -> UUID | None:
        return await self.session.scalar(select(SITES.c.id).where(SITES.c.is_default))


class DeviceRepository(DeviceReader, Repository[Device]):
    async def save(self, device: Device) -> Device:
        """Store a device; raise `UnknownSite`."""
        self.add(device)
        with refusals({"fk_devices_site_id_sites": UnknownSite}):
            await self.unit.flush()
        return device

    async def note_seen(self, device: KnownDevice, now: datetime, every: timedelta) -> None:
        """Set `last_seen_at` at most once per `every`, and tell of a device that is back."""
        by = KnownActor(device.name, device.kind.value, device.id)
        back = pending_row(
            EventType.DEVICE_ONLINE, DEVICE, device.id, now, site=device.site_id, by=by
        )
        await self.unit.row(
            _NOTE_SEEN, device_id=device.id, now=now, before=now - every, events=as_json([back])
        )

    async def take_offline(self, now: datetime, silent_since: datetime) -> int:
        """Tell of devices that have not been seen since an instant; return how many.

        A device that is sending a request is left for the next run.
        """
        silent = (
            select(Device.id)
            .where(Device.last_seen_at < silent_since, Device.offline_at.is_(None))
            .order_by(Device.id)
            .with_for_update(skip_locked=True, key_share=True)
        )
        found = await self.unit.returning(
            update(Device)
            .where(Device.id.in_(silent))
            .values(offline_at=now)
            .returning(Device.id, Device.site_id)
            .execution_options(synchronize_session=False)
        )
        gone = found.all()
        for row in gone:
            emit(self.unit, EventType.DEVICE_OFFLINE, DEVICE, row.id, now, site=row.site_id)
        return len(gone)
