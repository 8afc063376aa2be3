"""SQL of devices."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, bindparam, column, or_, select, table, update
from sqlalchemy.types import Boolean, Uuid

from app.core.db.database import ReadSession
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository, refusals
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.devices.errors import UnknownSite
from app.devices.models import Device, DeviceKind

BY_NAME = Ordering("devices", (Device.name, Device.id), descending=False)
# The sites package is above this one.
SITES = table("sites", column("id", Uuid()), column("is_default", Boolean()))
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

    async def default_site(self) -> UUID | None:
        return await self.session.scalar(select(SITES.c.id).where(SITES.c.is_default))


class DeviceRepository(DeviceReader, Repository[Device]):
    async def save(self, device: Device) -> Device:
        """Store a device; raise `UnknownSite`."""
        self.add(device)
        with refusals({"fk_devices_site_id_sites": UnknownSite}):
            await self.unit.flush()
        return device

    async def note_seen(self, device_id: UUID, now: datetime, every: timedelta) -> None:
        """Set `last_seen_at` at most once per `every`; no scan waits for a locked row."""
        due = (
            select(Device.id)
            .where(
                Device.id == device_id,
                or_(Device.last_seen_at.is_(None), Device.last_seen_at <= now - every),
            )
            .with_for_update(skip_locked=True, key_share=True)
        )
        await self.unit.write(
            update(Device)
            .where(Device.id.in_(due))
            .values(last_seen_at=now)
            .execution_options(synchronize_session=False)
        )
