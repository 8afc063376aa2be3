from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from app.core.errors import Problem


class UnknownToken(Problem):
    status, code, title = 404, "unknown", "Unknown QR code"


class ScanIdReused(Problem):
    status, code, title = 409, "scan_id_reused", "This scan_id was already used for another scan"


class ScanRefused(Problem):
    status = 409

    class Members(BaseModel):
        verdict: Literal["refused"]
        replayed: bool = Field(description="True if this repeats an earlier response")


class WrongDay(ScanRefused):
    code, title = "wrong_day", "The visit is on another day"


class Expired(ScanRefused):
    code, title = "expired", "The visit has expired"


class Cancelled(ScanRefused):
    code, title = "cancelled", "The visit was cancelled"


class Rescheduled(ScanRefused):
    code, title = "rescheduled", "The visit was rescheduled: this code was replaced by a newer one"


class Replaced(ScanRefused):
    code, title = "replaced", "The code was replaced by a newer one"


class AlreadyInside(ScanRefused):
    code, title = "already_inside", "The visitor is already inside"

    class Members(ScanRefused.Members):
        since: datetime | None = Field(description="When the visitor checked in")
        gate: str | None = Field(description="The gate of the check-in", examples=["North"])


class NotInside(ScanRefused):
    code, title = "not_inside", "The visitor has not checked in"


class AlreadyCompleted(ScanRefused):
    code, title = "already_completed", "The visit is over"


class WrongSite(ScanRefused):
    code, title = "wrong_site", "The visit is at another site"


class TooEarly(ScanRefused):
    code, title = "too_early", "The visitor is too early"


REFUSALS: dict[str, type[Problem]] = {
    cls.code: cls
    for cls in (
        UnknownToken,
        WrongDay,
        Expired,
        Cancelled,
        Rescheduled,
        Replaced,
        AlreadyInside,
        NotInside,
        AlreadyCompleted,
        WrongSite,
        TooEarly,
    )
}
