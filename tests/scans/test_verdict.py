"""The decision at the gate, as a function."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.ids import new_id
from app.core.localtime import timezone_names
from app.scans.errors import REFUSALS, NotInside
from app.scans.models import ScanDirection, ScanVerdict
from app.scans.verdict import Decision, Gate, decide, decide_past, refusals, refuse
from app.sites.models import Site
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.stays import newest_of

SITE, OTHER_SITE = new_id(), new_id()
HERE, ELSEWHERE, NO_GATE = Gate(SITE, "North"), Gate(OTHER_SITE, "South"), Gate(None, None)
IN, OUT = ScanDirection.IN, ScanDirection.OUT
PENDING, VERIFIED = VisitorStatus.PENDING, VisitorStatus.VERIFIED
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def visitor(status: VisitorStatus = PENDING, **fields: Any) -> Visitor:
    values = {
        "site_id": SITE,
        "visit_date": date(2026, 11, 23),
        "visit_time": time(12),
        "duration_minutes": 60,
        "created_at": datetime(2026, 11, 20, tzinfo=UTC),
        "checked_in_at": datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        "checked_in_gate": "North",
        "status": status,
    }
    return Visitor(**(values | fields))


def site(zone: str = "UTC") -> Site:
    return Site(name="Porto", timezone=zone, early_arrival_minutes=120, late_arrival_minutes=180)


def verdict(
    who: Visitor, direction: ScanDirection = IN, gate: Gate = HERE, now: datetime = NOON,
    zone: str = "UTC",
) -> Decision:  # fmt: skip
    return decide(who, site(zone), newest_of(who, None), direction, gate, now)


@pytest.mark.parametrize(
    ("who", "direction", "gate", "code"),
    [
        (visitor(), IN, ELSEWHERE, "wrong_site"),
        (visitor(VERIFIED), OUT, ELSEWHERE, "wrong_site"),
        (visitor(VisitorStatus.CANCELLED), IN, HERE, "cancelled"),
        (visitor(VisitorStatus.CANCELLED), OUT, HERE, "cancelled"),
        (visitor(VisitorStatus.EXPIRED), IN, HERE, "expired"),
        (visitor(VisitorStatus.COMPLETED), IN, HERE, "already_completed"),
        (visitor(VisitorStatus.COMPLETED), OUT, HERE, "already_completed"),
        (visitor(), OUT, HERE, "not_inside"),
        (visitor(VERIFIED), IN, HERE, "already_inside"),
        (visitor(visit_date=date(2026, 11, 22)), IN, HERE, "expired"),
        (visitor(visit_date=date(2026, 11, 24)), IN, HERE, "wrong_day"),
        (visitor(visit_time=time(14, 1)), IN, HERE, "too_early"),
    ],
)
def test_refused(who: Visitor, direction: ScanDirection, gate: Gate, code: str):
    decision = verdict(who, direction, gate)
    assert (decision.verdict, decision.code) == (ScanVerdict.REFUSED, code)
    assert code in REFUSALS


@pytest.mark.parametrize(
    ("who", "direction", "gate", "codes"),
    [
        (visitor(), IN, HERE, []),
        (visitor(VisitorStatus.CANCELLED), IN, HERE, ["cancelled"]),
        (
            visitor(VisitorStatus.CANCELLED, visit_date=date(2026, 11, 24)),
            IN,
            ELSEWHERE,
            ["wrong_site", "cancelled", "wrong_day"],
        ),
        (visitor(visit_time=time(14, 1)), IN, ELSEWHERE, ["wrong_site", "too_early"]),
        # A visitor who is inside, or has left, is not out of time, too.
        (visitor(VERIFIED, visit_date=date(2026, 11, 22)), IN, HERE, ["already_inside"]),
        (
            visitor(VisitorStatus.COMPLETED, visit_date=date(2026, 11, 22)),
            IN,
            HERE,
            ["already_completed"],
        ),
        (visitor(VisitorStatus.EXPIRED, visit_date=date(2026, 11, 22)), IN, HERE, ["expired"]),
        (visitor(), OUT, ELSEWHERE, ["wrong_site", "not_inside"]),
        (visitor(VERIFIED, is_away=True), OUT, HERE, ["not_inside"]),
        (visitor(VERIFIED, is_away=True), IN, HERE, []),
        (visitor(VERIFIED, is_away=True), IN, ELSEWHERE, ["wrong_site"]),
        (
            visitor(VERIFIED, is_away=True, visit_date=date(2026, 11, 22)),
            IN,
            HERE,
            ["already_completed"],
        ),
    ],
)
def test_all_refusals_that_hold_in_the_order_of_decision(
    who: Visitor, direction: ScanDirection, gate: Gate, codes: list[str]
):
    found = list(refusals(who, site(), newest_of(who, None), direction, gate, NOON))
    assert [decision.code for decision in found] == codes
    first = verdict(who, direction, gate)
    assert first == found[0] if codes else first.verdict is not ScanVerdict.REFUSED


@pytest.mark.parametrize("gate", [HERE, NO_GATE])
@pytest.mark.parametrize("at", [time(14), time(12), time(9), time(0)])
def test_admitted_from_two_hours_before_until_the_day_is_over(gate: Gate, at: time):
    assert verdict(visitor(visit_time=at), gate=gate).verdict is ScanVerdict.ADMITTED


def test_checked_out_at_any_time():
    late = NOON + timedelta(days=3)
    assert verdict(visitor(VERIFIED), OUT, now=late).verdict is ScanVerdict.CHECKED_OUT


def test_who_is_inside_is_said_to_be_since_when_and_where():
    decision = verdict(visitor(VERIFIED))
    assert decision.details == {"since": "2026-11-23T09:30:00Z", "gate": "North"}
    assert decision.message == "Already inside since 09:30 at gate North"


@pytest.mark.parametrize(
    ("zone", "now", "since"),
    [
        ("America/Sao_Paulo", NOON, "06:30"),
        ("Asia/Kolkata", NOON, "15:00"),
        ("Pacific/Auckland", NOON, "2026-11-23, 22:30"),
        ("UTC", NOON + timedelta(days=1), "2026-11-23, 09:30"),
    ],
)
def test_the_time_of_entry_is_shown_by_the_clock_of_the_site(zone: str, now: datetime, since: str):
    decision = verdict(visitor(VERIFIED, checked_in_gate=None), now=now, zone=zone)
    assert decision.message == f"Already inside since {since}"


def test_an_early_visitor_learns_when_the_gate_opens():
    decision = verdict(visitor(visit_time=time(16, 15)), zone="Europe/Berlin")
    assert decision.message == "This visit begins at 16:15: the gate opens from 14:15"


@pytest.mark.parametrize("status", [PENDING, VisitorStatus.EXPIRED])
def test_a_late_visitor_learns_which_day_it_was(status: VisitorStatus):
    decision = verdict(visitor(status, visit_date=date(2026, 11, 20)))
    assert decision.message == "This visit was on 2026-11-20"


def test_a_gate_of_another_site_says_which_one_it_is():
    assert verdict(visitor(), gate=ELSEWHERE).message == "This visit is at another site: Porto"


@pytest.mark.parametrize(
    ("automatically", "message"),
    [
        (False, "This visit is over: the visitor has left"),
        (True, "This visit was closed automatically: no check-out was scanned"),
    ],
)
def test_a_visit_closed_at_night_is_not_called_checked_out(automatically: bool, message: str):
    who = visitor(VisitorStatus.COMPLETED, checked_out_automatically=automatically)
    assert verdict(who, IN).message == message


@pytest.mark.parametrize(
    ("automatically", "hours", "code"),
    [
        (True, 0, None),
        (True, 24, None),
        (True, 24.001, "already_completed"),
        (False, 1, "already_completed"),
    ],
)
def test_an_exit_replaces_an_assumed_one_for_a_day(
    automatically: bool, hours: float, code: str | None
):
    assumed = NOON - timedelta(hours=hours)
    who = visitor(
        VisitorStatus.COMPLETED,
        checked_out_automatically=automatically,
        checked_out_at=assumed,
        checked_in_at=assumed - timedelta(hours=14),
    )
    assert verdict(who, OUT).code == code


@pytest.mark.parametrize(("at", "code"), [("10:00:00", None), ("09:59:59", "too_early")])
def test_nobody_has_come_in_before_their_code_was_there(at: str, code: str | None):
    who = visitor(created_at=datetime(2026, 11, 23, 10, 0, 0, 700_000, tzinfo=UTC))
    scanned = datetime.fromisoformat(f"2026-11-23T{at}Z")
    assert decide_past(who, site(), None, IN, HERE, scanned).code == code


def test_the_day_is_that_of_the_site():
    who = visitor(visit_date=date(2026, 11, 24), visit_time=time(0, 30))
    assert verdict(who, zone="Pacific/Auckland").verdict is ScanVerdict.ADMITTED
    assert verdict(who, zone="America/New_York").code == "wrong_day"


def test_a_time_that_the_clocks_skip_is_never_too_early():
    who = visitor(visit_date=date(2027, 3, 28), visit_time=time(2, 30))
    now = datetime(2027, 3, 27, 23, 30, tzinfo=UTC)
    assert verdict(who, now=now, zone="Europe/Berlin").verdict is ScanVerdict.ADMITTED


@settings(max_examples=3000)
@given(
    st.sampled_from(list(VisitorStatus)),
    st.sampled_from(list(ScanDirection)),
    st.sampled_from([HERE, ELSEWHERE, NO_GATE]),
    st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 27), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(sorted(timezone_names())),
)
def test_a_gate_opens_only_for_who_may_pass(
    status: VisitorStatus, direction: ScanDirection, gate: Gate, now: datetime, zone: str
):
    decision = verdict(visitor(status), direction, gate, now, zone)
    if decision.verdict is ScanVerdict.REFUSED:
        assert decision.code in REFUSALS
        return
    assert decision.code is None
    assert gate is not ELSEWHERE
    wanted = (PENDING, IN) if decision.verdict is ScanVerdict.ADMITTED else (VERIFIED, OUT)
    assert (status, direction) == wanted


@settings(max_examples=1000)
@given(
    st.sampled_from(list(VisitorStatus)),
    st.sampled_from(list(ScanDirection)),
    st.sampled_from([HERE, ELSEWHERE, NO_GATE]),
    st.datetimes(datetime(2026, 11, 20), datetime(2026, 11, 27), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_past_scan_is_never_refused_but_may_be_a_conflict(
    status: VisitorStatus, direction: ScanDirection, gate: Gate, at: datetime
):
    who = visitor(status)
    online = verdict(who, direction, gate, at)
    late = decide_past(who, site(), newest_of(who, None), direction, gate, at)
    if direction is OUT and status is VERIFIED and at < datetime(2026, 11, 23, 9, 30, tzinfo=UTC):
        online = refuse(NotInside, late.message)
    expected = ScanVerdict.CONFLICT if online.code else online.verdict
    assert (late.verdict, late.message) == (expected, online.message)
