from uuid import UUID

from pydantic import BaseModel, Field

from app.core.errors import Problem
from app.musters.models import MusterStatus


class MusterOpen(Problem):
    status, code, title = 409, "muster_open", "A muster of this site is open already"

    class Members(BaseModel):
        muster: UUID = Field(description="The open muster")
        started_by: str = Field(examples=["Front Desk"])


class MusterTransition(Problem):
    status, code, title = 409, "invalid_transition", "The muster does not permit this"

    class Members(BaseModel):
        current_status: MusterStatus


class UnaccountedChanged(Problem):
    status, code, title = 409, "count_changed", "The number of unaccounted people is another one"

    class Members(BaseModel):
        unaccounted: int = Field(description="The present number", examples=[2])


class ReopenExpired(Problem):
    status, code, title = 409, "reopen_expired", "The muster ended more than 24 hours ago"


class PersonIdReused(Problem):
    status, code, title = 409, "person_id_reused", "This person_id belongs to another entry"


class UnknownLink(Problem):
    status, code, title = 404, "unknown_link", "Link not found"


class DeadLink(Problem):
    status, code, title = 410, "dead_link", "This link no longer works"
