"""Which refusals the desk may override, and how it names them."""

import pytest
from pydantic import ValidationError

from app.core.errors import VisitRefusal
from app.scans import errors
from app.scans.override_schemas import Override
from app.scans.overrides import OVERRIDABLE, answer_to
from app.slots.errors import SlotClosed, SlotFull
from tests.support.api import VISITOR, Api
from tests.support.problems import problem

REASON = "The board has invited this guest"
BAD = [
    {"codes": [], "reason": REASON},
    {"codes": ["cancelled"], "reason": REASON},
    {"codes": ["already_inside"], "reason": REASON},
    {"codes": ["nonsense"], "reason": REASON},
    {"codes": ["slot_full", "slot_full"], "reason": REASON},
    {"codes": "slot_full", "reason": REASON},
    {"codes": ["slot_full"]},
    {"codes": ["slot_full"], "reason": "  ab  "},
    {"codes": ["slot_full"], "reason": "\u200b\u200b\u200b"},
    {"codes": ["slot_full"], "reason": "a" * 301},
    {"codes": ["slot_full"], "reason": REASON, "until": "tomorrow"},
]


def test_what_can_be_overridden_is_declared_with_each_refusal():
    words = ("slot_full", "slot_closed", "too_early", "wrong_day", "expired", "already_completed")
    assert {*OVERRIDABLE} == {*words}


@pytest.mark.parametrize("sent", BAD, ids=str)
def test_a_bad_override_is_refused(sent: dict[str, object]):
    with pytest.raises(ValidationError):
        Override.model_validate(sent)


def test_an_override_takes_each_code_once_and_a_trimmed_reason():
    override = Override.model_validate({"codes": list(OVERRIDABLE), "reason": "  abc "})
    assert (override.codes, override.reason) == (list(OVERRIDABLE), "abc")
    assert len(Override(codes=["expired"], reason="a" * 300).reason) == 300


EARLY, FULL, CLOSED, GONE = errors.TooEarly, SlotFull, SlotClosed, errors.Cancelled


@pytest.mark.parametrize(
    ("holding", "named", "answer"),
    [
        ([], None, None),
        ([EARLY], None, "too_early"),
        ([EARLY], ["too_early"], None),
        ([errors.WrongDay, FULL], ["slot_full", "wrong_day"], None),
        ([errors.WrongDay, FULL], ["wrong_day"], "override_mismatch"),
        ([EARLY], ["too_early", "slot_full"], "override_mismatch"),
        ([EARLY], ["expired"], "override_mismatch"),
        ([], ["too_early"], "override_mismatch"),
        ([CLOSED, FULL], None, "slot_closed"),
        ([GONE, EARLY], ["too_early"], "cancelled"),
        ([FULL, GONE], None, "cancelled"),
    ],
)
def test_an_override_names_exactly_what_holds(
    holding: list[type[VisitRefusal]], named: list[str] | None, answer: str | None
):
    given = answer_to([refusal() for refusal in holding], named)
    assert (given and given.code) == answer
    if given is not None:
        assert given.members["refusals"] == [refusal.code for refusal in holding]


async def test_a_refusal_says_whether_it_can_be_overridden(api: Api):
    admin = await api.admin()
    refused = await admin.post("visitors/", VISITOR | {"visit_time": "20:00"})
    assert problem(refused, 422, "slot_closed")["overridable"] is True
    visitor = await admin.register(visit_time="15:00")
    assert problem(await admin.scan(visitor["qr_code"]), 409, "too_early")["overridable"] is True
    way_out = await admin.scan(visitor["qr_code"], direction="out")
    assert problem(way_out, 409, "not_inside")["overridable"] is False
    unknown = problem(await admin.scan("V1" + "A" * 40), 404, "unknown")
    assert (unknown["overridable"], "refusals" in unknown) == (False, False)
