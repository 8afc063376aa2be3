"""Request and response bodies of API keys."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.api_keys import models
from app.api_keys.networks import written_network
from app.core.http.etags import Tagged
from app.core.security.access_keys import API_KEYS
from app.core.text import LEFT_OUT, RequiredLine
from app.core.times import Instant
from app.users.models import User
from app.users.roles import Permission

MOST_SITES, MOST_NETWORKS = 1_000, 50
EXAMPLE: JsonDict = {
    "name": "Door controller",
    "scopes": ["gate:scan"],
    "sites": None,
    "allowed_networks": ["192.0.2.0/24"],
}
SITES = "The sites that the key is limited to. Null: all sites of its maker"
NETWORKS = (
    "Networks and addresses that the key may be used from; null or none: all. Elsewhere it is "
    "refused with 403 `network_not_allowed`"
)


def _distinct(scopes: list[Permission]) -> list[Permission]:
    """Return each scope once, in the order of the documentation."""
    return [word for word in Permission if word in scopes]


def _distinct_sites(sites: list[UUID]) -> list[UUID]:
    return sorted(set(sites))


def _some(networks: list[str]) -> list[str] | None:
    return list(dict.fromkeys(networks)) or None


Scopes = Annotated[
    list[Permission],
    Field(
        min_length=1,
        max_length=len(Permission),
        description="What the key may do at most. Its maker must be allowed to, too",
    ),
    AfterValidator(_distinct),
]
Sites = Annotated[list[UUID], Field(max_length=MOST_SITES), AfterValidator(_distinct_sites)]
Network = Annotated[str, StringConstraints(max_length=60), AfterValidator(written_network)]
Networks = Annotated[list[Network], Field(max_length=MOST_NETWORKS), AfterValidator(_some)]


def _with_sites(schema: JsonDict) -> None:
    """Document that `sites` are required, for which the service has an error of its own."""
    schema |= {"example": EXAMPLE, "required": ["name", "scopes", "sites"]}


class ApiKeyCreate(BaseModel):
    """A key; `sites` must be sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_with_sites)

    name: RequiredLine = Field(description="Its acts bear this name")
    scopes: Scopes
    sites: Sites | None = Field(default_factory=lambda: None, description=SITES)
    expires_at: Instant | None = Field(
        None, description="At most 731 days ahead. Default: in 365 days"
    )
    allowed_networks: Networks | None = Field(None, description=NETWORKS)

    def values(self) -> dict[str, Any]:
        """Return all columns, but those with a default only if they were sent."""
        sent = self.model_dump()
        if "sites" not in self.model_fields_set:
            del sent["sites"]
        if self.expires_at is None:
            del sent["expires_at"]
        return sent


class ApiKeyUpdate(BaseModel):
    """The fields to change."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"scopes": ["gate:scan", "visitors:read"]}}
    )

    name: RequiredLine = LEFT_OUT
    scopes: Scopes = LEFT_OUT
    sites: Sites | None = LEFT_OUT
    expires_at: Instant = LEFT_OUT
    allowed_networks: Networks | None = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Rotation(BaseModel):
    """How a key is replaced."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    old_valid_minutes: int = Field(
        1440, ge=0, le=1440, description="For how long the previous key stays valid"
    )


class KeyStatus(StrEnum):
    """Whether a key works; `disabled` with the account of its maker."""

    ACTIVE = "active"
    EXPIRED = "expired"
    DISABLED = "disabled"


class KeyMaker(BaseModel):
    """The account that made a key."""

    id: UUID
    name: str = Field(examples=["Front Desk"])


class ApiKey(Tagged, BaseModel):
    """An API key, without its secret."""

    outside_tag: ClassVar[frozenset[str]] = frozenset({"last_used_at", "last_used_from", "key"})

    id: UUID
    name: str = Field(examples=["Door controller"])
    status: KeyStatus
    scopes: list[Permission] = Field(examples=[["gate:scan"]])
    sites: list[UUID] | None
    allowed_networks: list[str] | None = Field(examples=[["192.0.2.0/24"]])
    expires_at: datetime
    old_valid_until: datetime | None = Field(
        description="Until when the key before the last rotation is valid"
    )
    last_used_at: datetime | None = Field(description="UTC, to the minute")
    last_used_from: str | None = Field(
        description="The client's address then", examples=["192.0.2.7"]
    )
    created_at: datetime
    created_by: KeyMaker | None = Field(description="Null once the account is deleted")

    @classmethod
    def facts(cls, key: models.ApiKey, maker: User | None, now: datetime) -> dict[str, Any]:
        ends_at = key.previous_key_until
        return {
            "id": key.id,
            "name": key.name,
            "status": _status(key, maker, now),
            "scopes": [word for word in Permission if word in key.scopes],
            "sites": key.sites,
            "allowed_networks": key.allowed_networks,
            "expires_at": key.expires_at,
            "old_valid_until": ends_at if ends_at is not None and ends_at > now else None,
            "last_used_at": key.last_used_at,
            "last_used_from": key.last_used_from,
            "created_at": key.created_at,
            "created_by": KeyMaker(id=maker.id, name=maker.name) if maker else None,
        }


class ApiKeyWithSecret(ApiKey):
    """An API key with its secret, shown only once."""

    key: str = Field(
        description="Send it as `Authorization: Bearer …`",
        examples=[API_KEYS.prefix + "A" * 43 + "0" * 6],
    )


def _status(key: models.ApiKey, maker: User | None, now: datetime) -> KeyStatus:
    if maker is None or not maker.is_active:
        return KeyStatus.DISABLED
    return KeyStatus.ACTIVE if key.expires_at > now else KeyStatus.EXPIRED
