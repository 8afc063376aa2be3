"""Requests and responses of the events."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.several import Several
from app.events.kinds import ActorKind, EventType
from app.events.repository import ReadEvent

MOST = 200
LARGEST = 2**53 - 1  # JavaScript counts no further
EXTENSIBLE = "x-extensible-enum"


class EventQuery(BaseModel):
    """Which events are asked for."""

    after: int = Field(
        0, ge=0, le=LARGEST, description="The last `seq` that was read; 0 for the oldest event kept"
    )
    types: Annotated[tuple[EventType, ...], Several(EventType)] | None = Field(
        None, description="One or several, separated by commas: `visit.checked_in,visit.completed`"
    )
    site: UUID | None = Field(None, description="Events of this site only")
    limit: int = Field(50, ge=1, le=MOST, description="The number of events at most")


class EventSubject(BaseModel):
    """What it happened to."""

    type: str = Field(
        description="`visitor`, `device`, `muster`, `slot` or `import`; more may come",
        examples=["visitor"],
    )
    id: UUID | None
    version: int | None = Field(
        description="Of a visitor, whose every change has a higher one: that of the event, or of "
        "a change that followed within a second. Null where it is not known",
        examples=[3],
    )


class EventActor(BaseModel):
    """Who did it."""

    kind: str = Field(
        description="`visitor` stands for strangers, too, `user` for wardens without an account, "
        "who have no id; more may come",
        json_schema_extra={EXTENSIBLE: [*map(str, ActorKind)]},
        examples=["user"],
    )
    id: UUID | None


class Event(BaseModel):
    """Something that happened: ids, and no personal data."""

    id: UUID = Field(description="The same wherever the event is told, such as by webhooks")
    seq: int = Field(description="Ascending, with gaps", examples=[4711])
    type: str = Field(
        description="More may come",
        json_schema_extra={EXTENSIBLE: [*map(str, EventType)]},
        examples=["visit.checked_in"],
    )
    created_at: datetime
    site: UUID | None
    subject: EventSubject
    actor: EventActor
    request_id: str | None = Field(
        description="The `X-Request-ID` of the request, or the id of the worker's job; null once "
        "erased"
    )
    fields: list[str] = Field(
        description="The names of what changed, where the type leaves it open", examples=[[]]
    )

    @classmethod
    def of(cls, event: ReadEvent) -> Self:
        return cls(
            id=event.id,
            seq=event.seq,
            type=event.type,
            created_at=event.created_at,
            site=event.site_id,
            subject=EventSubject(
                type=event.subject_type, id=event.subject_id, version=event.subject_version
            ),
            actor=EventActor(kind=event.actor_kind, id=event.actor_id),
            request_id=event.request_id,
            fields=event.fields,
        )


class EventPage(BaseModel):
    """Events in order, and where to go on."""

    items: list[Event] = Field(
        description="May be empty although `next_after` is below `head`: go on then"
    )
    next_after: int = Field(
        description="The next `after`, past events that the filter leaves out", examples=[4711]
    )
    head: int = Field(
        description="The `seq` of the newest event, whoever may read it", examples=[4711]
    )
