"""`/api/devices/`: devices and their keys."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.auth.condition_dependencies import if_match
from app.auth.guards import (
    Confirmation,
    DeviceEditor,
    DeviceKeyManager,
    DeviceViewer,
    RunningDevice,
)
from app.core.db.database import ReadSession
from app.core.errors import NotAuthenticated, NotFound, SiteRequired, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.core.languages import Language
from app.devices import schemas
from app.devices.models import Device, DeviceKind
from app.devices.repository import DeviceReader
from app.devices.service import DeviceRegister
from app.services import Services, services

router = APIRouter(prefix="/api/devices", tags=["devices"], route_class=ApiRoute)


async def _register(
    request: Request, unit: Writing, caller: DeviceEditor, now: Now
) -> DeviceRegister:
    overlap = timedelta(minutes=services(request).settings.device_key_overlap_minutes)
    return DeviceRegister(unit, overlap, caller.scope, now, caller)


async def _read(
    session: ReadSession, device_id: UUID, caller: DeviceViewer, _: Services
) -> schemas.Device:
    device = await DeviceReader(session).reached(device_id, caller.scope)
    if device is None:
        raise NotFound
    return _shown(device)


IfCurrent = if_match(Device, "device_id", _read)
Register = Annotated[DeviceRegister, Depends(_register)]


@router.get("/", operation_id="devices_list", summary="List devices")
async def list_devices(
    caller: DeviceViewer, session: Reading, page: Paging
) -> Page[schemas.Device]:
    """Return devices by name; `last_seen_at` shows which are running."""
    rows, next_cursor, total = await DeviceReader(session).page(caller.scope, page)
    items = [_shown(device) for device in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="devices_create",
    summary="Create a device",
    status_code=201,
    responses=CREATED | problems(SiteRequired),
)
async def create_device(
    body: schemas.DeviceCreate, _: DeviceKeyManager, register: Register, response: Response
) -> schemas.DeviceWithKey:
    """Create a device; its key is only in this response."""
    device, key = await register.create(body.model_dump())
    response.headers["Location"] = f"/api/devices/{device.id}/"
    return schemas.DeviceWithKey(**schemas.Device.facts(device), key=key)


@router.post(
    "/heartbeat/",
    operation_id="devices_heartbeat",
    summary="Report that a device is running",
    status_code=204,
)
async def heartbeat(_: RunningDevice) -> None:
    """Update `last_seen_at`, as all requests of the device do."""


@router.get("/me/", operation_id="devices_me", summary="Read the calling device")
async def read_own_device(caller: RunningDevice, session: Reading) -> schemas.OwnDevice:
    """Return what a scanner's screen shows of its place, and the language to use there."""
    if caller.id is None or caller.site_id is None:
        raise NotAuthenticated
    site_name, language = await DeviceReader(session).site_facts(caller.site_id)
    return schemas.OwnDevice(
        id=caller.id,
        name=caller.name,
        kind=DeviceKind(caller.role),
        site=caller.site_id,
        site_name=site_name,
        gate=caller.gate,
        language=Language(language),
    )


@router.get(
    "/{device_id:uuid}/",
    operation_id="devices_read",
    summary="Read a device",
    responses=problems(NotFound),
)
async def read_device(device_id: UUID, caller: DeviceViewer, session: Reading) -> schemas.Device:
    """Return a device without its key."""
    device = await DeviceReader(session).reached(device_id, caller.scope)
    if device is None:
        raise NotFound
    return _shown(device)


@router.put(
    "/{device_id:uuid}/",
    operation_id="devices_replace",
    summary="Replace a device",
    dependencies=[IfCurrent],
    responses=problems(NotFound, SiteRequired),
)
async def replace_device(
    device_id: UUID,
    body: schemas.DeviceCreate,
    _: DeviceEditor,
    register: Register,
    confirm: Confirmation,
) -> schemas.Device:
    """Replace all fields; the key stays.

    Another `kind` or `site` needs a sign-in confirmed within the last 10 minutes. API keys change
    no `kind`.
    """
    return _shown(await register.change(device_id, body.model_dump(), confirm))


@router.patch(
    "/{device_id:uuid}/",
    operation_id="devices_update",
    summary="Update a device",
    dependencies=[IfCurrent],
    responses=problems(NotFound),
)
async def change_device(
    device_id: UUID,
    body: schemas.DeviceUpdate,
    _: DeviceEditor,
    register: Register,
    confirm: Confirmation,
) -> schemas.Device:
    """Change only the fields that are sent.

    Another `kind` or `site` needs a sign-in confirmed within the last 10 minutes. API keys change
    no `kind`.
    """
    return _shown(await register.change(device_id, body.changes(), confirm))


@router.delete(
    "/{device_id:uuid}/",
    operation_id="devices_delete",
    summary="Revoke a device",
    status_code=204,
    dependencies=[IfCurrent],
    responses=problems(NotFound),
)
async def delete_device(device_id: UUID, _: DeviceEditor, register: Register) -> None:
    """Delete a device; its keys are refused from the next request on."""
    await register.delete(device_id)


@router.post(
    "/{device_id:uuid}/rotate-key/",
    operation_id="devices_rotate_key",
    summary="Rotate the key of a device",
    dependencies=[IfCurrent],
    responses=problems(NotFound),
)
async def rotate_key(
    device_id: UUID, _: DeviceKeyManager, register: Register
) -> schemas.DeviceWithKey:
    """Return a new key, which is only in this response.

    The previous one stays valid for DEVICE_KEY_OVERLAP_MINUTES; to revoke it at once, rotate twice.
    """
    device, key = await register.rotate_key(device_id)
    return schemas.DeviceWithKey(**schemas.Device.facts(device), key=key)


def _shown(device: Device) -> schemas.Device:
    return schemas.Device(**schemas.Device.facts(device))
