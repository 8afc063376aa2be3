"""Request and response bodies of devices."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.etags import Tagged
from app.core.languages import Language
from app.core.text import LEFT_OUT, OptionalLine, RequiredLine
from app.devices import models
from app.devices.models import DeviceKind


class DeviceCreate(BaseModel):
    """A device; `gate` is for scans that name none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "North gate, left", "kind": "scanner", "gate": "North"}
        },
    )

    name: RequiredLine
    kind: DeviceKind
    site: UUID | None = Field(
        None, description="Default: the caller's only site, else the default site"
    )
    gate: OptionalLine = None


class DeviceUpdate(BaseModel):
    """The fields to change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"gate": "South"}})

    name: RequiredLine = LEFT_OUT
    kind: DeviceKind = LEFT_OUT
    site: UUID = LEFT_OUT
    gate: OptionalLine = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Device(Tagged, BaseModel):
    """A device, without its key."""

    outside_tag: ClassVar = frozenset({"last_seen_at"})

    id: UUID
    name: str = Field(examples=["North gate, left"])
    kind: DeviceKind
    site: UUID
    gate: str | None = Field(examples=["North"])
    last_seen_at: datetime | None = Field(description="UTC, to the minute")
    created_at: datetime

    @classmethod
    def facts(cls, device: models.Device) -> dict[str, Any]:
        return {
            "id": device.id,
            "name": device.name,
            "kind": device.kind,
            "site": device.site_id,
            "gate": device.gate,
            "last_seen_at": device.last_seen_at,
            "created_at": device.created_at,
        }


class OwnDevice(Tagged, BaseModel):
    """A device as it sees itself, for a scanner's screen."""

    id: UUID
    name: str = Field(examples=["North gate, left"])
    kind: DeviceKind
    site: UUID
    site_name: str = Field(examples=["Berlin"])
    gate: str | None = Field(examples=["North"])
    language: Language = Field(description="The language of the site")


class DeviceWithKey(Device):
    """A device with its new key, shown only once."""

    outside_tag: ClassVar = frozenset({"last_seen_at", "key"})

    key: str = Field(
        description="Send it as `X-Device-Key`", examples=["vmsdev_" + "A" * 43 + "0" * 6]
    )
