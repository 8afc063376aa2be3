from pydantic import BaseModel, Field

from app.core.errors import Problem


class OfSomebody(BaseModel):
    """Who was faster."""

    by: str | None = Field(description="Who did or undid it", examples=["Front Desk"])


class AlreadyRegistered(Problem):
    status, code = 409, "already_registered"
    title = "This address is already registered for that hour"


class NoAddress(Problem):
    status, code, title = 409, "no_address", "The visitor has no e-mail address"


class NothingToUndo(Problem):
    status, code = 409, "nothing_to_undo"
    title = "Nothing that was done to this visit can be undone"
    Members = OfSomebody


class UndoExpired(Problem):
    status, code, title = 409, "undo_expired", "It is too late to undo this"


class SeatGone(Problem):
    status, code, title = 409, "seat_gone", "The seat of this visit is taken"


class NotYourAct(Problem):
    status, code, title = 403, "not_your_act", "Somebody else did this"
    Members = OfSomebody


# The database decides, since two requests may be concurrent.
ONE_FOR_AN_ADDRESS: dict[str, type[Problem]] = {"uq_visitors_self_registration": AlreadyRegistered}
