"""What the desk may do about a visit, by where the visitor is and what the caller may."""

from datetime import UTC, date, datetime, time

import pytest

from app.sites.models import ReEntry, Site
from app.users.models import Role
from app.users.roles import ROLES
from app.visitors.cards import actions_of, next_action
from app.visitors.models import Visitor, VisitorStatus

SITE = Site(
    timezone="UTC",
    early_arrival_minutes=120,
    late_arrival_minutes=180,
    auto_check_out_hours=14,
    re_entry=ReEntry.SAME_DAY,
)
EARLY, IN_TIME, LATE = (datetime(2026, 11, day, 9, tzinfo=UTC) for day in (22, 23, 25))
STAFF, GUARD = Role.RECEPTIONIST, Role.GUARD
EXPECTED, INSIDE, AWAY = "expected", "inside", "away"
EDITS = ["cancel", "reschedule", "badge"]


def visit(where: str) -> Visitor:
    status = VisitorStatus.PENDING if where == EXPECTED else VisitorStatus.VERIFIED
    return Visitor(
        visit_date=date(2026, 11, 23),
        visit_time=time(10),
        duration_minutes=60,
        status=VisitorStatus(where) if where in set(VisitorStatus) else status,
        is_away=where == AWAY,
    )


@pytest.mark.parametrize(
    ("where", "role", "now", "actions", "then"),
    [
        (EXPECTED, STAFF, IN_TIME, ["check_in", *EDITS], "check_in"),
        (EXPECTED, GUARD, IN_TIME, ["check_in"], "check_in"),
        (EXPECTED, STAFF, EARLY, ["check_in", *EDITS], None),
        (EXPECTED, GUARD, EARLY, [], None),
        (EXPECTED, GUARD, LATE, [], None),
        (INSIDE, STAFF, LATE, ["check_out", "complete", "badge"], "check_out"),
        (INSIDE, GUARD, IN_TIME, ["check_out"], "check_out"),
        (AWAY, STAFF, IN_TIME, ["check_in", "complete", "badge"], "check_in"),
        (AWAY, GUARD, IN_TIME, ["check_in"], "check_in"),
        (AWAY, STAFF, LATE, ["complete", "badge"], "complete"),
        (AWAY, GUARD, LATE, [], None),
        *((over, STAFF, IN_TIME, [], None) for over in ("completed", "cancelled", "expired")),
    ],
)
def test_actions_are_what_the_caller_may_do_now(
    where: str, role: Role, now: datetime, actions: list[str], then: str | None
):
    shown = actions_of(visit(where), SITE, ROLES[role].permissions, now)
    assert shown == actions
    assert next_action(visit(where), SITE, shown, now) == then
