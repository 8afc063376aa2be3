"""Requests and responses of the audit log."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.audit.chain import Facts, action_of, instant, kind_of, role_of
from app.audit.models import VisitorAction
from app.core.times import Instant

# An erased one is shown as one of work without a request.
KeptRequestId = Annotated[str, BeforeValidator(lambda id_: id_ or "-")]


class VisitorEvent(BaseModel):
    """An entry of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    action: VisitorAction
    actor_role: str = Field(description="`system` for the worker", examples=["admin"])
    actor_id: UUID | None
    actor_name: str
    client_address: str | None
    request_id: KeptRequestId
    details: dict[str, Any]


class Actor(BaseModel):
    """Who did it, as they were then."""

    kind: str = Field(
        description="`user`, `device`, `visitor`, `anonymous`, `key` or `system`; more may come",
        examples=["user"],
    )
    id: UUID | None
    name: str = Field(examples=["Front Desk"])
    role: str | None = Field(
        description="The role of a user or kind of a device, where it was recorded",
        examples=["admin"],
    )


class Subject(BaseModel):
    """What it was done to."""

    type: str = Field(examples=["site"])
    id: UUID | None


class AuditEntry(BaseModel):
    """An entry of the audit log, with its place in the chain.

    Erased values are null.
    """

    id: UUID
    seq: int = Field(description="Ascending without gaps")
    at: str = Field(
        description="When it was done, in UTC with microseconds, as it is hashed",
        json_schema_extra={"format": "date-time"},
        examples=["2026-11-16T08:00:00.000000Z"],
    )
    actor: Actor
    action: str = Field(examples=["site.updated"])
    subject: Subject
    site: UUID | None = Field(description="The site of the subject then, if it has one")
    address: str | None = Field(description="The network address of the actor")
    request_id: str | None
    details: dict[str, Any]
    previous_hash: str = Field(description="The `hash` of the entry before", examples=["0" * 64])
    hash: str = Field(
        description="SHA-256 of `previous_hash` and this entry as canonical JSON",
        examples=["0" * 64],
    )

    @classmethod
    def of(cls, facts: Facts, actor_name: str, seq: int, previous: bytes, own: bytes) -> Self:
        """Return a chained entry as it is shown."""
        role = facts.actor_role
        return cls(
            id=facts.id,
            seq=seq,
            at=instant(facts.created_at),
            actor=Actor(kind=kind_of(role), id=facts.actor_id, name=actor_name, role=role_of(role)),
            action=action_of(facts.subject_type, facts.action),
            subject=Subject(type=facts.subject_type, id=facts.subject_id),
            site=facts.site_id,
            address=facts.client_address,
            request_id=facts.request_id,
            details=dict(facts.details),
            previous_hash=previous.hex(),
            hash=own.hex(),
        )


class AuditQuery(BaseModel):
    """Filters of the audit log."""

    actor: UUID | None = Field(None, description="The id of the user, device or key")
    action: str | None = Field(
        None,
        pattern=r"^[a-z_]{1,40}\.[a-z_]{1,40}$",
        description="`subject.what`, such as `visitor.cancelled`",
    )
    subject: UUID | None = Field(None, description="The id of what it was done to")
    site: UUID | None = None
    since: Instant | None = Field(None, description="Entries from this instant on")
    until: Instant | None = Field(None, description="Entries before this instant")
