from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.auth.caller import Caller
from app.core.http.etags import Tagged
from app.core.times import WallTime
from app.visitors.arrival import DoorRules, visit_end
from app.visitors.cards import Attended, DeskAction, actions_of, next_action
from app.visitors.models import Presence, VisitorStatus, presence_of


class CardFacts(Attended, Protocol):
    """What a card shows of a row."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def company(self) -> str | None: ...
    @property
    def host_name(self) -> str | None: ...
    @property
    def checked_in_at(self) -> datetime | None: ...


class DeskCard(Tagged, BaseModel):
    """A visit as the desk and guards see it; the time is local to the site."""

    id: UUID
    name: str = Field(examples=["Ada Lovelace"])
    company: str | None = Field(examples=["Analytical Engines Ltd"])
    host_name: str | None = Field(examples=["Charles Babbage"])
    visit_time: WallTime
    ends_at: datetime = Field(description="Planned end")
    status: VisitorStatus
    presence: Presence | None = Field(description="Null if the visit was cancelled")
    checked_in_at: datetime | None = Field(description="The first entry")
    next_action: DeskAction | None = Field(
        description="The next step; null if there is none, or none without an override"
    )
    actions: list[DeskAction] = Field(
        description="What the caller may do now. More words may come: ignore unknown ones"
    )

    @classmethod
    def of(
        cls,
        visit: CardFacts,
        site: DoorRules,
        caller: Caller,
        now: datetime,
        *,
        is_emergency: bool = False,
        may_undo: bool = False,
    ) -> Self:
        """Return the card of a row as a caller sees it."""
        refusals = {"is_emergency": is_emergency, "may_undo": may_undo}
        actions = actions_of(visit, site, caller.permissions, now, **refusals)
        return cls(
            id=visit.id,
            name=visit.name,
            company=visit.company,
            host_name=visit.host_name,
            visit_time=visit.visit_time,
            ends_at=visit_end(visit, site.timezone),
            status=visit.status,
            presence=presence_of(visit.status, is_away=visit.is_away),
            checked_in_at=visit.checked_in_at,
            next_action=next_action(visit, site, actions, now),
            actions=actions,
        )
