"""The state that marks give, in any order."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.musters.merging import MOST_AHEAD, Mark, clamped, standing
from app.musters.models import ALARMS, MarkState
from tests.conftest import MONDAY

UNKNOWN, SAFE, HELP, MISSING, LEFT = MarkState


def mark(id_: int, state: MarkState, minute: int, *seen: int, is_exit: bool = False) -> Mark:
    at = MONDAY + timedelta(minutes=minute)
    ids = frozenset(UUID(int=each) for each in seen)
    return Mark(UUID(int=id_), state, at, seen=ids, is_exit=is_exit)


def left(id_: int, minute: int) -> Mark:
    return mark(id_, LEFT, minute, is_exit=True)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], None),
        ([mark(1, SAFE, 1), mark(2, UNKNOWN, 2)], 2),
        ([mark(1, SAFE, 1), mark(2, LEFT, 1)], 2),  # the same instant
        ([mark(1, HELP, 1), mark(2, SAFE, 2)], 1),
        ([mark(1, HELP, 2), mark(2, SAFE, 1, 1)], 2),  # seen by an earlier clock
        ([mark(1, HELP, 1), mark(2, MISSING, 2), mark(3, SAFE, 3, 2)], 1),
        ([mark(1, HELP, 2), mark(2, MISSING, 1, 1)], 2),
        ([mark(1, HELP, 1, 1), mark(2, SAFE, 2)], 1),  # names itself
        ([mark(1, HELP, 1, 2), mark(2, MISSING, 2, 1)], 2),  # name each other
        ([mark(1, HELP, 1, 2), mark(2, SAFE, 2, 1)], 1),
        ([mark(1, HELP, 1, 2), mark(2, SAFE, 2, 3), mark(3, SAFE, 3, 1)], 1),
        ([mark(1, HELP, 1, 2), mark(2, MISSING, 2, 1), mark(3, SAFE, 0, 1, 2)], 3),
        ([mark(1, HELP, 1), left(2, 1)], 2),
        ([mark(1, HELP, 2), left(2, 1)], 1),
        ([mark(1, HELP, 1), left(2, 1), mark(3, SAFE, 2)], 3),
        ([mark(1, HELP, 1), mark(2, SAFE, 1, 99)], 1),  # has seen what nobody knows
    ],
)
def test_one_mark_decides(marks: list[Mark], expected: int | None):
    found = standing(marks).mark
    assert (found and found.id.int) == expected


@st.composite
def histories(draw: st.DrawFn) -> list[Mark]:
    ids = range(1, draw(st.integers(1, 9)) + 1)
    return [
        mark(
            id_,
            draw(st.sampled_from([SAFE, HELP, MISSING, UNKNOWN, LEFT])),
            draw(st.integers(0, 4)),
            *draw(st.sets(st.integers(1, 10), max_size=4)),
        )
        if draw(st.booleans())
        else left(id_, draw(st.integers(0, 4)))
        for id_ in ids
    ]


@given(histories(), st.data())
def test_any_order_repeat_and_split_gives_one_state(marks: list[Mark], data: st.DataObject):
    repeats = data.draw(st.lists(st.sampled_from(marks), max_size=9))
    shuffled = data.draw(st.permutations([*marks, *repeats]))
    # Each warden's part is merged with what is stored already.
    stored: dict[UUID, Mark] = {}
    cuts = sorted(data.draw(st.sets(st.integers(0, len(shuffled)), max_size=3)))
    for first, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True):
        stored |= {each.id: each for each in shuffled[first:end]}
        standing(stored.values())
    assert standing(stored.values()) == standing(marks)


@given(histories())
def test_an_alarm_is_lifted_only_by_who_has_seen_it(marks: list[Mark]):
    found = standing(marks).mark
    assert found is not None
    if found.state in ALARMS:
        return
    for alarm in (each for each in marks if each.is_alarm):
        others = [each for each in marks if each.id != alarm.id]
        assert any(
            alarm.id in each.seen or (each.is_exit and alarm.marked_at <= each.marked_at)
            for each in others
        )


def test_many_marks_that_name_each_other_are_told_apart_at_once():
    number = 2_000
    ring = [mark(n, HELP, n, n % number + 1, (n + 7) % number + 1) for n in range(1, number + 1)]
    found = standing(ring).mark
    assert found is not None
    assert found.id.int == number


def test_a_time_is_clamped_to_the_muster():
    now = MONDAY + timedelta(hours=1)
    soon, later = now + MOST_AHEAD, now + timedelta(days=1)
    assert clamped(MONDAY - timedelta(days=1), MONDAY, now) == MONDAY
    assert clamped(soon, MONDAY, now) == soon
    assert clamped(later, MONDAY, now) == soon
