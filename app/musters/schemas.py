from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from app.core.http.etags import Tagged
from app.core.languages import Language
from app.core.text import Email, Notes, OptionalLine, RequiredLine
from app.core.times import Instant
from app.musters import models
from app.musters.models import UNACCOUNTED, Confidence, MarkState, MusterKind, MusterStatus

MOST_MARKS, MOST_SEEN = 500, 100
MUSTER = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c31"
ENTRY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c32"


class Counts(BaseModel):
    """How many people are in each state."""

    unknown: int = Field(0, examples=[1])
    safe: int = Field(0, examples=[5])
    needs_help: int = Field(0, examples=[0])
    missing: int = Field(0, examples=[1])
    left_earlier: int = Field(0, examples=[1])
    total: int = Field(examples=[8])
    unaccounted: int = Field(description="`unknown` and `missing`", examples=[2])

    @classmethod
    def of(cls, states: Mapping[str, int]) -> Self:
        """Return the counts of the people by state."""
        return cls(
            **states,
            total=sum(states.values()),
            unaccounted=sum(states.get(state, 0) for state in UNACCOUNTED),
        )


class MusterEntry(BaseModel):
    """A person on the roster."""

    id: UUID
    visitor_id: UUID | None = Field(description="Null for people who were added")
    name: str = Field(examples=["Ada Lovelace"])
    company: str | None
    host_name: str | None
    host_phone: str | None = Field(description="Null for guards")
    gate: str | None = Field(description="The gate of the entry", examples=["North"])
    in_at: datetime | None
    confidence: Confidence = Field(
        description="`inside`; `away`: went out and may have returned; `unconfirmed`: the stay was "
        "closed automatically, or the entry was not permitted; `added` by a warden"
    )
    state: MarkState
    marked_at: datetime | None
    marked_by: str | None = Field(examples=["Front Desk"])
    note: str | None
    alarms: list[UUID] = Field(
        description="The marks `needs_help` and `missing` that hold. A mark lifts those that it "
        "names in `seen`"
    )
    is_late: bool = Field(description="Whether the mark came after the end")


class MusterSummary(BaseModel):
    """An evacuation of a site, or a drill."""

    id: UUID
    site: UUID
    kind: MusterKind
    note: str | None
    status: MusterStatus
    started_at: datetime
    started_by: str = Field(examples=["Front Desk"])
    ended_at: datetime | None
    counts: Counts

    @classmethod
    def of(cls, muster: models.Muster, counts: Counts) -> Self:
        return cls.model_validate(_fields(muster) | {"counts": counts})


class Muster(Tagged, MusterSummary):
    """An evacuation of a site, or a drill, with its roster."""

    entries: list[MusterEntry] = Field(description="By name")

    @classmethod
    def of_entries(cls, muster: models.Muster, entries: Sequence[Mapping[str, Any]]) -> Self:
        """Return a muster with the records of its roster."""
        counts = Counts.of(Counter(entry["state"] for entry in entries))
        return cls.model_validate(_fields(muster) | {"counts": counts, "entries": entries})


def _fields(muster: models.Muster) -> dict[str, object]:
    names = ("id", "kind", "note", "status", "started_at", "started_by", "ended_at")
    return {name: getattr(muster, name) for name in names} | {"site": muster.site_id}


class MusterStart(BaseModel):
    """A muster to be started."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kind": "drill", "note": "Autumn drill"}}
    )

    kind: MusterKind
    note: Notes = None


class MusterChange(BaseModel):
    """A change of a muster."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"kind": "real"}})

    kind: MusterKind = Field(description="A drill can become `real`, but not the reverse")


class MusterQuery(BaseModel):
    """Filters of the list of musters."""

    site: UUID | None = None
    status: MusterStatus | None = None
    kind: MusterKind | None = None


class MarkCreate(BaseModel):
    """A mark of a person; the client makes the `mark_id`, so that it can be sent again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "mark_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c33",
                "entry": ENTRY,
                "state": "safe",
                "marked_at": "2026-11-23T09:12:30Z",
                "seen": ["01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c34"],
                "note": "At the car park",
            }
        },
    )

    mark_id: UUID
    entry: UUID
    state: MarkState
    marked_at: Instant = Field(description="By the device's clock; the latest mark holds")
    seen: list[UUID] = Field(
        default_factory=list,
        max_length=MOST_SEEN,
        description="The marks that the warden was shown. A `needs_help` or `missing` holds until "
        "another mark names it here",
    )
    note: Notes = None


class Marks(RootModel[Annotated[list[MarkCreate], Field(min_length=1, max_length=MOST_MARKS)]]):
    """Marks of people on one roster."""


class MarkOutcome(StrEnum):
    """The outcome of a mark."""

    TAKEN = "taken"
    KNOWN = "known"
    REFUSED = "refused"


class MarkResult(BaseModel):
    """The result of one mark."""

    mark_id: UUID
    result: MarkOutcome = Field(description="`known`: it was sent before")
    code: Literal["unknown_entry", "mark_id_reused"] | None = Field(
        None, description="Why it was refused"
    )


class MarkResults(BaseModel):
    """The results of the marks, in their order, and the counts after them."""

    results: list[MarkResult]
    counts: Counts


class PersonCreate(BaseModel):
    """Somebody who is not on the roster."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "person_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c35",
                "name": "Grace Hopper",
                "company": "Compilers Inc",
                "note": "Came with the caterer",
                "state": "safe",
            }
        },
    )

    person_id: UUID | None = Field(
        None,
        description="Made by the client, so that it can be sent again; it becomes the id of the "
        "entry, and of the mark with its `state`",
    )
    name: RequiredLine
    company: OptionalLine = None
    note: Notes = None
    state: MarkState | None = None
    marked_at: Instant | None = Field(None, description="The time of `state`, by default now")


class LinkCreate(BaseModel):
    """A link for a warden without an account."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Mary Seacole", "email": "mary@example.com"}},
    )

    name: RequiredLine = Field(description="The name that the marks bear")
    email: Email | None = Field(
        None, description="Where to send the link; guards make links without"
    )


class MusterLink(BaseModel):
    """A link that was made for a warden."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Mary Seacole"])
    created_at: datetime


class NewMusterLink(MusterLink):
    """A new link; only this response has its URL."""

    url: str = Field(
        description="The page of the warden; anyone who has it sees the roster and makes marks",
        examples=[
            "https://visitors.example.com/muster/vZ3kP0aX8sQ1nR7tYb2mC5dE9fG4hJ6uLwKiOxTzAqS"
        ],
    )


class WardenRoster(Muster):
    """A muster with its roster, as shown to a warden with a link."""

    warden: str = Field(description="The name of the link", examples=["Mary Seacole"])
    site_name: str
    language: Language = Field(description="The language of the site")
    timezone: str = Field(examples=["Europe/Berlin"])


class MusterEnd(BaseModel):
    """The end of a muster."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"unaccounted": 0}})

    unaccounted: int = Field(ge=0, le=1_000_000, description="The number that the caller was shown")
