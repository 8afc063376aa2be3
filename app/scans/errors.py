"""Refusals of scans: each is one class, raised or recorded by `verdict.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from app.core.errors import Problem

LET_OUT = "Ask for the name, let the visitor out by hand, and inform reception"
SCAN_NEWEST = (
    "Ask for the newest mail and scan its code. "
    "Without it, let the visitor out by hand and inform reception."
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What a guard reads at a gate: a title, and what to do at an entrance or an exit.

    None if the refusal does not occur there.
    """

    title: str
    at_entrance: str | None
    at_exit: str | None

    def words(self) -> dict[str, str]:
        """Return the texts by `title` and the directions of scans."""
        said = {"title": self.title, "in": self.at_entrance, "out": self.at_exit}
        return {name: text for name, text in said.items() if text is not None}


class Refusal(Problem):
    """Everything about a reason not to open a gate; its code is the label of its metric, too."""

    status = 409
    advice: ClassVar[Advice]


class UnknownToken(Refusal):
    status, code, title = 404, "unknown", "Unknown QR code"
    advice = Advice(
        "Unknown code",
        "Ask for the newest mail. If this is the newest, send the visitor to reception.",
        f"{LET_OUT}.",
    )


class ScanIdReused(Problem):
    status, code, title = 409, "scan_id_reused", "This scan_id was already used for another scan"


class ScanRefused(Refusal):
    class Members(BaseModel):
        verdict: Literal["refused"]
        replayed: bool = Field(description="True if this repeats an earlier response")


class WrongDay(ScanRefused):
    code, title = "wrong_day", "The visit is on another day"
    advice = Advice(
        "Wrong day",
        "Tell the visitor the day. If the visitor insists on today, send them to reception.",
        None,
    )


class Expired(ScanRefused):
    code, title = "expired", "The visit has expired"
    advice = Advice(
        "Expired",
        "Send the visitor to reception: a new visit must be registered.",
        f"{LET_OUT}: the entry was not scanned.",
    )


class Cancelled(ScanRefused):
    code, title = "cancelled", "The visit was cancelled"
    advice = Advice(
        "Cancelled",
        "Send the visitor to reception. The host has been informed.",
        f"{LET_OUT}: the visitor should not have been inside.",
    )


class Rescheduled(ScanRefused):
    code, title = "rescheduled", "The visit was rescheduled: this code was replaced by a newer one"
    advice = Advice(
        "Old code",
        "The visit was moved. Ask for the newest mail and scan its code.",
        SCAN_NEWEST,
    )


class Replaced(ScanRefused):
    code, title = "replaced", "The code was replaced by a newer one"
    advice = Advice(
        "Replaced code",
        "A new code was issued for this visit. Ask for the newest mail and scan its code.",
        SCAN_NEWEST,
    )


class AlreadyInside(ScanRefused):
    code, title = "already_inside", "The visitor is already inside"
    advice = Advice(
        "Already inside",
        "Someone has already entered with this code. Ask for an ID document and call reception.",
        None,
    )

    class Members(ScanRefused.Members):
        since: datetime | None = Field(description="When the visitor checked in")
        gate: str | None = Field(description="The gate of the check-in", examples=["North"])


class NotInside(ScanRefused):
    code, title = "not_inside", "The visitor has not checked in"
    advice = Advice(
        "Not checked in",
        None,
        f"{LET_OUT}: the entry was not scanned.",
    )


class AlreadyCompleted(ScanRefused):
    code, title = "already_completed", "The visit is over"
    advice = Advice(
        "The visit is over",
        "A code can be used once. Send the visitor to reception.",
        f"{LET_OUT}: the visitor is recorded as having left.",
    )


class WrongSite(ScanRefused):
    code, title = "wrong_site", "The visit is at another site"
    advice = Advice(
        "Wrong site",
        "Tell the visitor which site it is. The address is in the mail.",
        f"{LET_OUT}: the visitor was checked in at another site.",
    )


class TooEarly(ScanRefused):
    code, title = "too_early", "The visitor is too early"
    advice = Advice(
        "Too early",
        "Tell the visitor when the gate opens, or call the host.",
        None,
    )


_OF_GATE: tuple[type[Refusal], ...] = (UnknownToken, *ScanRefused.__subclasses__())
REFUSALS = {refusal.code: refusal for refusal in _OF_GATE}
