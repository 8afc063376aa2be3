from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.etags import Tagged
from app.core.text import LEFT_OUT, RequiredLine, SearchText
from app.core.times import LocalDate, WallTime
from app.visitors import schemas
from app.visitors.group_models import Group as StoredGroup
from app.visitors.models import Presence, Visitor
from app.visitors.registration_schemas import VisitorCreate
from app.visitors.schemas import HOST_FIELDS, Reschedule, each_left_out

MOST_MEMBERS = 100
Numbers = Mapping[Presence | None, int]
"""The number of visitors by presence; None is cancelled."""
# What each member says of themselves.
OWN = ("name", "email", "phone")


class Member(VisitorCreate):
    """A member of a new group; fields that are left out have the value of the group."""

    visit_date: LocalDate = LEFT_OUT
    visit_time: WallTime = LEFT_OUT


@each_left_out(VisitorCreate, but=OWN)
class GroupCreate(BaseModel):
    """A group: its members, and their common values."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "Board of trustees",
                "visit_date": "2026-11-23",
                "visit_time": "10:00",
                "purpose": "i_factory_visit",
                "visitors": [
                    {"name": "Ada Lovelace", "email": "ada@example.com"},
                    {"name": "Mary Somerville", "email": "mary@example.com", "visit_time": "11:00"},
                ],
            }
        },
    )

    name: RequiredLine
    visitors: list[Member] = Field(min_length=1, max_length=MOST_MEMBERS)

    def named_site(self) -> UUID | None:
        """Return the site of the group that was sent."""
        site: UUID | None = self.model_dump(include={"site"})["site"]
        return site

    def members(self) -> Iterator[Member]:
        """Yield the members with the values of the group where they have none of their own.

        A host is one fact: the group's does not apply to a member with a field of another host.
        """
        common = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if name not in {"name", "visitors"}
        }
        for member in self.visitors:
            own = set(member.model_fields_set)
            if not own.isdisjoint(HOST_FIELDS):
                own.update(HOST_FIELDS)
            values = {name: value for name, value in common.items() if name not in own}
            yield member.model_copy(update=values)


class GroupUpdate(BaseModel):
    """The new name of a group."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Trustees"}})

    name: RequiredLine


class GroupQuery(BaseModel):
    """Filters of a list of groups."""

    site: UUID | None = None
    visit_date: LocalDate | None = Field(None, description="A day on which some of them come")
    q: SearchText | None = Field(
        None, max_length=200, description="Beginnings of words of the name"
    )


class Chosen(BaseModel):
    """The visitors of an action."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    visitor_ids: list[UUID] | None = Field(
        None, min_length=1, max_length=1000, description="Default: all visitors of the group"
    )


class ChosenReschedule(Chosen, Reschedule):
    """A new time for visitors of a group, local to the site."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"visit_date": "2026-11-24", "visit_time": "14:00"}}
    )


class Outcome(StrEnum):
    """The outcome of the request for one visitor."""

    DONE = "done"
    REFUSED = "refused"


class Result(BaseModel):
    """The result for one visitor."""

    visitor_id: UUID
    result: Outcome
    code: str | None = Field(
        None,
        description="Why it was refused: the code of the same request for this visitor alone",
        examples=["invalid_transition"],
    )


class Results(BaseModel):
    """The results for each visitor."""

    results: list[Result]


class GroupCounts(BaseModel):
    """The number of visitors, in total and by where they are."""

    total: int
    expected: int
    inside: int
    away: int
    left: int
    no_show: int
    cancelled: int

    @classmethod
    def of(cls, numbers: Numbers) -> Self:
        by_presence = {presence.value: numbers.get(presence, 0) for presence in Presence}
        return cls(total=sum(numbers.values()), cancelled=numbers.get(None, 0), **by_presence)


class GroupSummary(BaseModel):
    """A group in a list; counts are of the visitors that the caller may see."""

    id: UUID
    name: str = Field(examples=["Board of trustees"])
    site: UUID
    created_at: datetime
    counts: GroupCounts

    @classmethod
    def of(cls, group: StoredGroup, numbers: Numbers) -> Self:
        return cls(**_facts(group), counts=GroupCounts.of(numbers))


class Group(Tagged, GroupSummary):
    """A group with the visitors that the caller may see."""

    visitors: list[schemas.Visitor]

    @classmethod
    def with_visitors(cls, group: StoredGroup, visitors: Iterable[Visitor]) -> Self:
        found = list(visitors)
        return cls(
            **_facts(group),
            counts=GroupCounts.of(Counter(visitor.presence for visitor in found)),
            visitors=[schemas.Visitor.of(visitor) for visitor in found],
        )


def _facts(group: StoredGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "site": group.site_id,
        "created_at": group.created_at,
    }
