"""Create devices; issue and revoke their keys."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.core.db.database import Database, WriteSession
from app.core.db.scope import Scope
from app.core.errors import NotFound, SiteRequired
from app.core.observability.logging import logger
from app.core.security.access_keys import DEVICE_KEYS
from app.core.security.random_secrets import stored_hash
from app.devices.errors import UnknownSite
from app.devices.models import Device
from app.devices.repository import DeviceRepository, KnownDevice, device_of_key
from app.users.roles import CallerRole

SEEN_EVERY = timedelta(minutes=1)
SILENT_FOR = timedelta(minutes=5)
"""After this time without a request a device is offline; scanners send heartbeats."""
# What the key of a device gives access to.
GUARDED = ("kind", "site_id")
# An API key confirms nothing, but moves devices within its sites.
GUARDED_FROM_KEYS = ("kind",)


async def find_by_key(database: Database, key: str, now: datetime) -> KnownDevice | None:
    """Return the device of a key, in one statement and, once a minute, a second."""
    if not DEVICE_KEYS.fits(key):
        return None
    async with database.read() as session:
        device = await device_of_key(session, stored_hash(key), now)
    if device is not None and _is_due(device, now):
        async with database.write(single_statement=True) as unit:
            await DeviceRepository(unit).note_seen(device, now, SEEN_EVERY)
    return device


def _is_due(device: KnownDevice, now: datetime) -> bool:
    return device.last_seen_at is None or device.last_seen_at <= now - SEEN_EVERY


class DeviceRegister:
    """The use cases that change devices in scope, within one unit of work."""

    def __init__(
        self, unit: WriteSession, overlap: timedelta, scope: Scope, now: datetime, by: Actor
    ) -> None:
        self.unit, self.by = unit, by
        self.devices = DeviceRepository(unit)
        self.overlap = overlap
        self.scope = scope
        self.now = now

    async def create(self, values: dict[str, Any]) -> tuple[Device, str]:
        """Create a device; return it and its key. Raise `UnknownSite`."""
        key = DEVICE_KEYS.new()
        device = Device(
            **await self._columns(values),
            key_hash=stored_hash(key),
            previous_key_hash=None,
            previous_key_until=None,
            last_seen_at=None,
            created_at=self.now,
        )
        await self.devices.save(device)
        self._record(AuditAction.DEVICE_CREATED, device)
        logger.info("device created", device=str(device.id), kind=device.kind.value)
        return device, key

    async def change(
        self, device_id: UUID, values: dict[str, Any], confirm: Callable[[], None]
    ) -> Device:
        """Set fields; raise `NotFound` or `UnknownSite`.

        Call `confirm` if the key gets access to something else.
        """
        device, columns = await self._locked(device_id), await self._columns(values)
        guarded = GUARDED_FROM_KEYS if self.by.role == CallerRole.KEY else GUARDED
        if any(
            columns.get(name, getattr(device, name)) != getattr(device, name) for name in guarded
        ):
            confirm()
        fields = sorted(name for name in columns if getattr(device, name) != columns[name])
        self._record(AuditAction.DEVICE_UPDATED, device, fields=fields)
        for name, value in columns.items():
            setattr(device, name, value)
        return await self.devices.save(device)

    async def rotate_key(self, device_id: UUID) -> tuple[Device, str]:
        """Issue a new key; only the previous one stays valid, for the overlap."""
        device, key = await self._locked(device_id), DEVICE_KEYS.new()
        device.previous_key_hash = device.key_hash
        device.previous_key_until = self.now + self.overlap
        device.key_hash = stored_hash(key)
        await self.devices.save(device)
        self._record(AuditAction.DEVICE_KEY_ROTATED, device)
        logger.info("device key rotated", device=str(device.id))
        return device, key

    async def delete(self, device_id: UUID) -> None:
        device = await self._locked(device_id)
        await self.devices.delete(device)
        self._record(AuditAction.DEVICE_DELETED, device)
        logger.info("device deleted", device=str(device_id))

    def _record(self, action: AuditAction, device: Device, **details: Any) -> None:
        site = device.site_id
        record(self.unit, action, device.id, self.by, self.now, site=site, **details)

    async def _locked(self, device_id: UUID) -> Device:
        in_scope = self.scope.of_sites(Device.site_id)
        device = await self.devices.lock(Device.id == device_id, *in_scope)
        if device is None:
            raise NotFound
        return device

    async def _columns(self, values: dict[str, Any]) -> dict[str, Any]:
        if "site" not in values:
            return values
        others = {name: value for name, value in values.items() if name != "site"}
        return others | {"site_id": await self._site(values["site"])}

    async def _site(self, named: UUID | None) -> UUID:
        """Return the site named, the only one in scope, or the default one.

        Raise `UnknownSite`, or `SiteRequired` if the default site is out of scope.
        """
        site_id = named or self.scope.only_site or await self.devices.default_site()
        if site_id is not None and self.scope.has_site(site_id):
            return site_id
        raise SiteRequired if named is None else UnknownSite
