from pydantic import BaseModel, Field

from app.core.errors import FieldFault, Problem
from app.slots.errors import SlotFull
from app.visitors.host_service import NotYourVisit


class MembersWithoutSeat(SlotFull):
    """Some hours are full; `errors` has each member for whom no seat is left."""

    class Members(SlotFull.Members):
        errors: list[FieldFault] = Field(description="The members for whom no seat is left")


class MembersOfOthers(NotYourVisit):
    """Some members name a host for whom the caller does not act."""

    class Members(BaseModel):
        errors: list[FieldFault] = Field(description="The members with another host")


class GroupErased(Problem):
    status, code, title = 409, "group_erased", "The data of all visitors of the group is erased"
