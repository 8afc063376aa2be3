"""`/api/devices/`: gates and kiosks, and their keys."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.auth.guards import DeviceKeyManager, DeviceManager, RunningDevice
from app.core.database import Reading, Writing
from app.core.dependencies import Now
from app.core.errors import NotFound, problems
from app.core.pagination import Page, Paging
from app.core.responses import CREATED
from app.core.routing import ApiRoute
from app.devices import schemas
from app.devices.models import Device
from app.devices.repository import DeviceReader
from app.devices.service import DeviceRegister
from app.settings import Settings

router = APIRouter(prefix="/api/devices", tags=["devices"], route_class=ApiRoute)


async def _register(request: Request, unit: Writing, now: Now) -> DeviceRegister:
    settings: Settings = request.app.state.settings
    return DeviceRegister(unit, timedelta(minutes=settings.device_key_overlap_minutes), now)


Register = Annotated[DeviceRegister, Depends(_register)]


@router.get("/", operation_id="devices_list", summary="List devices")
async def list_devices(_: DeviceManager, session: Reading, page: Paging) -> Page[schemas.Device]:
    """By name; `last_seen_at` says which of them run."""
    rows, next_cursor, total = await DeviceReader(session).page(page)
    items = [_shown(device) for device in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/", operation_id="devices_create", summary="Add a device", status_code=201, responses=CREATED
)
async def create_device(
    body: schemas.DeviceCreate, _: DeviceKeyManager, register: Register, response: Response
) -> schemas.DeviceWithKey:
    """Its key is in this answer and nowhere else."""
    device, key = await register.create(body.model_dump())
    response.headers["Location"] = f"/api/devices/{device.id}/"
    return schemas.DeviceWithKey(**schemas.Device.facts(device), key=key)


@router.post(
    "/heartbeat/",
    operation_id="devices_heartbeat",
    summary="Say that a device runs",
    status_code=204,
)
async def heartbeat(_: RunningDevice) -> None:
    """Every other request of a device says so, too."""


@router.get(
    "/{device_id:uuid}/",
    operation_id="devices_read",
    summary="Read a device",
    responses=problems(NotFound),
)
async def read_device(device_id: UUID, _: DeviceManager, session: Reading) -> schemas.Device:
    """Without its key, which nobody can read again."""
    device = await DeviceReader(session).get(device_id)
    if device is None:
        raise NotFound
    return _shown(device)


@router.put(
    "/{device_id:uuid}/",
    operation_id="devices_replace",
    summary="Replace a device",
    responses=problems(NotFound),
)
async def replace_device(
    device_id: UUID, body: schemas.DeviceCreate, _: DeviceManager, register: Register
) -> schemas.Device:
    """Replace every field; the key stays."""
    return _shown(await register.change(device_id, body.model_dump()))


@router.patch(
    "/{device_id:uuid}/",
    operation_id="devices_update",
    summary="Change a device",
    responses=problems(NotFound),
)
async def change_device(
    device_id: UUID, body: schemas.DeviceUpdate, _: DeviceManager, register: Register
) -> schemas.Device:
    """Change the fields that are sent."""
    return _shown(await register.change(device_id, body.changes()))


@router.delete(
    "/{device_id:uuid}/",
    operation_id="devices_delete",
    summary="Revoke a device",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_device(device_id: UUID, _: DeviceManager, register: Register) -> None:
    """At once: its keys are refused with the next request."""
    await register.delete(device_id)


@router.post(
    "/{device_id:uuid}/rotate-key/",
    operation_id="devices_rotate_key",
    summary="Give a device a new key",
    responses=problems(NotFound),
)
async def rotate_key(
    device_id: UUID, _: DeviceKeyManager, register: Register
) -> schemas.DeviceWithKey:
    """It is in this answer and nowhere else.

    The key before it is accepted for DEVICE_KEY_OVERLAP_MINUTES more. A key that has leaked ends
    at once when the key is rotated twice.
    """
    device, key = await register.rotate_key(device_id)
    return schemas.DeviceWithKey(**schemas.Device.facts(device), key=key)


def _shown(device: Device) -> schemas.Device:
    return schemas.Device(**schemas.Device.facts(device))
