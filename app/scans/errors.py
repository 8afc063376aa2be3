"""Refusals of scans: each is one class, raised or recorded by `verdict.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from app.core.errors import FieldProblem, Problem, VisitRefusal
from app.core.languages import Language, translatable, translations
from app.scans.shown import RefusedVisitor, RescheduledVisitor


@dataclass(frozen=True, slots=True)
class Advice:
    """What a guard reads at a gate: a title, and what to do at an entrance or an exit.

    None if the refusal does not occur there. `reason` has the parts of the reason, for guards who
    do not read English; each is shown if its facts are known: `{date}` and `{time}` of the visit,
    `{since}` and `{gate}` of the entry.
    """

    title: str
    at_entrance: str | None
    at_exit: str | None
    reason: tuple[str, ...] = ()

    def words(self, language: Language = Language.ENGLISH) -> dict[str, Any]:
        """Return the texts by `title` and the directions of scans, and the parts of the reason."""
        translated = translations(language).gettext
        said = {"title": self.title, "in": self.at_entrance, "out": self.at_exit}
        texts = {name: translated(text) for name, text in said.items() if text is not None}
        return texts | {"reason": [translated(part) for part in self.reason]}


class Refusal(VisitRefusal):
    """Everything about a reason not to open a gate; its code is the label of its metric, too."""

    advice: ClassVar[Advice]
    shows: ClassVar[type[RescheduledVisitor] | None] = None
    """What the response tells of the visitor."""


class UnknownToken(Refusal):
    status, code, title = 404, "unknown", "Unknown QR code"
    advice = Advice(
        translatable("Unknown code"),
        translatable(
            "Ask for the newest mail. If this is the newest, send the visitor to reception."
        ),
        translatable("Ask for the name, let the visitor out by hand, and inform reception."),
        (translatable("This code belongs to no visit here"),),
    )


class ScanIdReused(Problem):
    status, code, title = 409, "scan_id_reused", "This scan_id was already used for another scan"


class CountChanged(Problem):
    status, code, title = 409, "count_changed", "The number of visitors has changed"

    class Members(BaseModel):
        count: int = Field(description="The number of visitors who are inside")


class InvalidObservedAt(FieldProblem):
    code, faulty = "invalid_observed_at", "observed_at"
    title = (
        "At most 12 hours back and 2 minutes ahead, and not before the visit was registered "
        "or the visitor last passed"
    )


class OverrideMismatch(Problem):
    status, code = 409, "override_mismatch"
    title = "The override does not name exactly the refusals that hold"

    class Members(BaseModel):
        refusals: list[str] = Field(
            description="The codes of all refusals that hold, in the order of decision",
            examples=[["wrong_day", "slot_full"]],
        )


class Refused(Refusal.Members):
    """The members of every refusal of a genuine code."""

    verdict: Literal["refused"]
    replayed: bool = Field(description="True if this repeats an earlier response")


class ScanRefused(Refusal):
    """A refusal of a genuine code, by default of the current code of a visit at its site."""

    shows: ClassVar[type[RescheduledVisitor] | None] = RefusedVisitor

    class Members(Refused):
        visitor: RefusedVisitor | None = Field(
            description="For comparison with a document; null in a repeated response once the "
            "visitor was erased or the code replaced"
        )


class WrongDay(ScanRefused):
    code, title = "wrong_day", "The visit is on another day"
    overridable = True
    advice = Advice(
        translatable("Wrong day"),
        translatable(
            "Tell the visitor the day. If the visitor insists on today, send them to reception."
        ),
        None,
        (translatable("This visit is on {date}"),),
    )


class Expired(ScanRefused):
    code, title = "expired", "The visit has expired"
    overridable = True
    advice = Advice(
        translatable("Expired"),
        translatable("Send the visitor to reception: a new visit must be registered."),
        translatable(
            "Ask for the name, let the visitor out by hand, and inform reception: "
            "the entry was not scanned."
        ),
        (translatable("This visit was on {date}"),),
    )


class Cancelled(ScanRefused):
    code, title = "cancelled", "The visit was cancelled"
    advice = Advice(
        translatable("Cancelled"),
        translatable("Send the visitor to reception. The host has been informed."),
        translatable(
            "Ask for the name, let the visitor out by hand, and inform reception: "
            "the visitor should not have been inside."
        ),
        (translatable("This visit was cancelled"),),
    )


class Rescheduled(ScanRefused):
    shows = RescheduledVisitor
    code, title = "rescheduled", "The visit was rescheduled: this code was replaced by a newer one"
    advice = Advice(
        translatable("Old code"),
        translatable("The visit was moved. Ask for the newest mail and scan its code."),
        translatable(
            "Ask for the newest mail and scan its code. "
            "Without it, let the visitor out by hand and inform reception."
        ),
        (translatable("The visit was moved: use the code in the newest mail"),),
    )

    class Members(Refused):
        visitor: RescheduledVisitor | None = Field(
            description="Null at another site than that of the visit"
        )


class Replaced(ScanRefused):
    shows = None
    Members = Refused  # type: ignore[assignment] # nothing of the person
    code, title = "replaced", "The code was replaced by a newer one"
    advice = Advice(
        translatable("Replaced code"),
        translatable(
            "A new code was issued for this visit. Ask for the newest mail and scan its code."
        ),
        translatable(
            "Ask for the newest mail and scan its code. "
            "Without it, let the visitor out by hand and inform reception."
        ),
        (translatable("This code was replaced: use the one in the newest mail"),),
    )


class AlreadyInside(ScanRefused):
    code, title = "already_inside", "The visitor is already inside"
    advice = Advice(
        translatable("Already inside"),
        translatable(
            "Someone has already entered with this code. Ask for an ID document and call reception."
        ),
        None,
        (
            translatable("Inside since {since}"),
            translatable("Gate {gate}"),
        ),
    )

    class Members(ScanRefused.Members):
        since: datetime | None = Field(description="When the visitor checked in")
        gate: str | None = Field(description="The gate of the check-in", examples=["North"])


class NotInside(ScanRefused):
    code, title = "not_inside", "The visitor has not checked in"
    advice = Advice(
        translatable("Not checked in"),
        None,
        translatable(
            "Ask for the name, let the visitor out by hand, and inform reception: "
            "the entry was not scanned."
        ),
        (translatable("This visitor has not checked in"),),
    )


class AlreadyCompleted(ScanRefused):
    code, title = "already_completed", "The visit is over"
    overridable = True
    advice = Advice(
        translatable("The visit is over"),
        translatable("A code can be used once. Send the visitor to reception."),
        translatable(
            "Ask for the name, let the visitor out by hand, and inform reception: "
            "the visitor is recorded as having left."
        ),
        (translatable("This visit is over"),),
    )


class WrongSite(ScanRefused):
    shows = None
    Members = Refused  # type: ignore[assignment] # nothing of the person
    code, title = "wrong_site", "The visit is at another site"
    advice = Advice(
        translatable("Wrong site"),
        translatable("Tell the visitor which site it is. The address is in the mail."),
        translatable(
            "Ask for the name, let the visitor out by hand, and inform reception: "
            "the visitor was checked in at another site."
        ),
        (translatable("This visit is at another site"),),
    )


class TooEarly(ScanRefused):
    code, title = "too_early", "The visitor is too early"
    overridable = True
    advice = Advice(
        translatable("Too early"),
        translatable("Tell the visitor when the gate opens, or call the host."),
        None,
        (translatable("This visit begins at {time}"),),
    )


class Emergency(ScanRefused):
    code, title = "emergency", "The site is being evacuated: nobody may enter"
    advice = Advice(
        translatable("Evacuation"),
        translatable("Let nobody in. Send the visitor to the assembly point."),
        None,
        (translatable("The site is being evacuated"),),
    )


_OF_GATE: tuple[type[Refusal], ...] = (UnknownToken, *ScanRefused.__subclasses__())
REFUSALS = {refusal.code: refusal for refusal in _OF_GATE}


def shown_by(code: str | None) -> type[RescheduledVisitor] | None:
    """Return what the refusal of a code tells of the visitor."""
    return REFUSALS[code].shows if code in REFUSALS else None
