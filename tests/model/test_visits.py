"""Whatever people do, in whatever order: the database says what the model says.

`MODEL_EXAMPLES` is how many sequences are tried. They are the same in every run; a larger number
tries others besides.
"""

import os
from datetime import datetime, time, timedelta
from itertools import count
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.audit.models import VisitorAction
from app.sites.models import ReEntry
from tests.bulk.files import row
from tests.conftest import MONDAY
from tests.model.model import CAPACITY, Mail, Model, Visit
from tests.model.world import World
from tests.support.api import VISITOR
from workers.visits import close_visits, send_reminders

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "10"))
STEPS = 40
HOST = "charles@example.com"
OTHER_HOST = "mary@example.com"
BEGIN = MONDAY + timedelta(hours=2)  # an hour in which reminders are sent

# The status after an entry of the audit log; other entries change nothing.
ENDS = {VisitorAction.CHECKED_OUT, VisitorAction.COMPLETED}
BECOMES = {
    VisitorAction.REGISTERED: "pending",
    VisitorAction.CHECKED_IN: "verified",
    VisitorAction.CHECKED_OUT: "completed",
    VisitorAction.COMPLETED: "completed",
    VisitorAction.CANCELLED: "cancelled",
    VisitorAction.EXPIRED: "expired",
}

# Refusals that nobody can override.
FINAL = ("cancelled", "already_inside")

JOBS = ("close", "remind", "deliver")
days = st.integers(0, 2)
times = st.sampled_from([time(0, 15), time(9), time(9, 30), time(14), time(23, 30)])
hours = st.sampled_from([time(0), time(1), time(10), time(13), time(22)])
hosts = st.sampled_from([HOST, None])


class Visits(RuleBasedStateMachine):
    """Each rule does the same to the application and to the model, and compares the answers."""

    ids = Bundle("ids")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.world.begin(BEGIN)
        self.model = Model(BEGIN)
        self.numbers = count(1)
        self.codes: dict[str, str] = {}
        self.former: dict[str, dict[str, str]] = {}
        self.summaries = 0

    # -- registering --------------------------------------------------------------------------

    @initialize(target=ids, re_entry=st.booleans())
    def begin(self, re_entry: bool):
        """Register a visit for each day, so that the first step can change one."""
        self.model.re_entry = re_entry
        self.world.permit_re_entry(ReEntry.SAME_DAY if re_entry else ReEntry.NONE)
        return multiple(*(self.register(day, time(14), HOST) for day in range(3)))

    @rule(target=ids, day=days, at=times, host=hosts)
    def register(self, day: int, at: time, host: str | None):
        wanted, email = self.moment(day, at), f"guest{next(self.numbers)}@example.com"
        body = VISITOR | when(wanted) | {"email": email, "host_email": host}
        answer = self.world.request("POST", "visitors/", body)
        assert (answer.status_code == 201) is self.model.can_book(wanted), answer.text
        if answer.status_code != 201:
            assert answer.json()["code"] in {"slot_full", "slot_in_past"}
            return multiple()
        id_ = self.known(answer)
        self.model.register(id_, email, host, wanted)
        return id_

    @rule(target=ids, day=days, at=times)
    def register_oneself(self, day: int, at: time):
        wanted, email = self.moment(day, at), f"guest{next(self.numbers)}@example.com"
        body = {"name": "Ada Lovelace", "email": email} | when(wanted)
        answer = self.world.ask("visitors/", body)
        expected = self.model.can_book(wanted, by_stranger=True)
        assert (answer.status_code == 201) is expected, answer.text
        if answer.status_code != 201:
            assert answer.json()["code"] in {"slot_full", "slot_in_past"}
            return multiple()
        self.known(self.world.request("GET", f"visitors/{answer.json()['id']}/"))
        self.model.register(answer.json()["id"], email, None, wanted, by_stranger=True)
        return answer.json()["id"]

    @rule(target=ids, size=st.integers(1, CAPACITY + 1), day=days, at=times, host=hosts)
    def upload(self, size: int, day: int, at: time, host: str | None):
        wanted, first = self.moment(day, at), next(self.numbers)
        self.numbers = count(first + size)
        rows = [row(number) for number in range(first, first + size)]
        fields = when(wanted) | ({"host_name": "Charles", "host_email": host} if host else {})
        answer = self.world.upload(rows, **fields)
        assert (answer.status_code == 201) is self.model.can_book(wanted, size), answer.text
        if answer.status_code != 201:
            return multiple()
        created = {each["id"]: each["email"] for each in answer.json()["created"]}
        self.codes |= {each["id"]: each["qr_code"] for each in answer.json()["created"]}
        self.model.upload(created, host, wanted)
        self.summaries += host is not None
        return multiple(*created)

    @rule(target=ids, host=st.sampled_from([HOST, OTHER_HOST]), overrides=st.booleans())
    def walk_in(self, host: str, overrides: bool):
        """Register and admit somebody now, whom an override admits to a full hour alone."""
        email, is_full = f"guest{next(self.numbers)}@example.com", not self.has_seat_now()
        body = {"name": "Ada Lovelace", "email": email, "host_email": host}
        answer = self.world.request(
            "POST", "visitors/walk-in/", body | (named("slot_full") if overrides else {})
        )
        assert (answer.status_code == 201) is (is_full is overrides), answer.text
        if answer.status_code != 201:
            code = "override_mismatch" if overrides else "slot_full"
            assert (answer.status_code, answer.json()["code"]) == (409, code)
            return multiple()
        if overrides:
            self.model.add_seat(self.model.now)
        id_ = self.known(answer)
        self.model.walk_in(id_, email, host)
        return id_

    # -- changing -----------------------------------------------------------------------------

    @rule(id_=ids, day=days, at=times)
    def move(self, id_: str, day: int, at: time) -> None:
        visit, wanted = self.model.visits[id_], self.moment(day, at)
        answer = self.world.request("POST", f"visitors/{id_}/reschedule/", when(wanted))
        assert (answer.status_code == 200) is self.model.can_move(visit, wanted), answer.text
        if answer.status_code == 200:
            self.model.move(visit, wanted)
            self.known(answer, retired="rescheduled")

    @rule(id_=ids, what=st.sampled_from(["cancel", "resend-email"]))
    def change(self, id_: str, what: str) -> None:
        visit = self.model.visits[id_]
        answer = self.call(id_, what)
        if answer.status_code == 429:  # it was registered a moment before
            return
        has_mailbox = what == "cancel" or visit.email is not None
        assert answer.is_success is (visit.status == "pending" and has_mailbox), answer.text
        if answer.is_success:
            changes = {"cancel": self.model.cancel, "resend-email": self.model.confirm_again}
            changes[what](visit)

    @rule(id_=ids)
    def undo(self, id_: str) -> None:
        """Undo a minute later, since mails of an act are known by its instant."""
        self.pass_time(self.model.now + timedelta(minutes=1))
        visit = self.model.visits[id_]
        refusal = self.model.refusal_of_undo(visit)
        answer = self.call(id_, "undo")
        assert answer.is_success is (refusal is None), answer.text
        if refusal is None:
            self.model.undo(visit)
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, refusal)

    @rule(id_=ids, has_one=st.booleans())
    def change_address(self, id_: str, has_one: bool) -> None:
        email = f"guest{next(self.numbers)}@example.com" if has_one else None
        answer = self.world.request("PATCH", f"visitors/{id_}/", {"email": email})
        assert answer.status_code == 200, answer.text
        self.model.change_address(self.model.visits[id_], email)
        self.known(answer, retired="replaced")

    @rule(id_=ids)
    def replace_code(self, id_: str) -> None:
        visit = self.model.visits[id_]
        answer = self.world.request("POST", f"visitors/{id_}/replace-code/")
        if answer.status_code == 429:  # a code was mailed a moment before
            return
        assert answer.is_success is (visit.status == "pending"), answer.text
        if answer.is_success:
            self.model.replace_code(visit)
            self.known(answer, retired="replaced")

    @rule(id_=ids, host=st.sampled_from([HOST, OTHER_HOST, None]))
    def change_host(self, id_: str, host: str | None) -> None:
        answer = self.world.request("PATCH", f"visitors/{id_}/", {"host_email": host})
        assert answer.status_code == 200, answer.text
        self.model.change_host(self.model.visits[id_], host)

    @rule(id_=ids, which=st.integers(0, 5))
    def try_a_former_code(self, id_: str, which: int) -> None:
        for code, refusal in list(self.former.get(id_, {}).items())[which : which + 1]:
            answer = self.world.request("POST", "visitors/verify-qr/", {"token": code})
            assert (answer.status_code, answer.json()["code"]) == (409, refusal)

    @rule(id_=consumes(ids))
    def delete(self, id_: str) -> None:
        assert self.world.request("DELETE", f"visitors/{id_}/").status_code == 204
        del self.model.visits[id_]
        assert self.scan(id_, "in").status_code == 404
        assert self.world.request("GET", f"visitors/{id_}/").status_code == 404

    # -- coming and going ---------------------------------------------------------------------

    @rule(id_=ids, on_time=st.booleans(), by_hand=st.booleans())
    def enter(self, id_: str, on_time: bool, by_hand: bool) -> None:
        visit = self.model.visits[id_]
        if on_time:
            self.pass_time(visit.at - timedelta(minutes=5))
        answer = self.call(id_, "check-in") if by_hand else self.scan(id_, "in")
        assert answer.is_success is self.model.can_enter(visit), answer.text
        if answer.is_success:
            self.model.enter(visit)

    @rule(id_=ids, too_much=st.booleans())
    def override(self, id_: str, too_much: bool) -> None:
        """Admit by naming exactly what refuses; nothing happens if more is named."""
        visit = self.model.visits[id_]
        codes = self.model.refusals(visit)
        said = {code for code in codes if code not in FINAL} | (
            {"slot_closed"} if too_much else set()
        )
        answer = self.call(id_, "check-in", named(*sorted(said or {"slot_closed"})))
        final = [code for code in codes if code in FINAL]
        if final or too_much or not codes:
            expected = final[0] if final else "override_mismatch"
            assert (answer.status_code, answer.json()["code"]) == (409, expected)
            assert answer.json()["refusals"] == codes
            return
        assert answer.status_code == 200, answer.text
        self.model.override(visit, codes)
        self.known(answer)

    @rule(id_=ids)
    def leave(self, id_: str) -> None:
        visit = self.model.visits[id_]
        answer = self.scan(id_, "out")
        assert answer.is_success is self.model.can_leave(visit), answer.text
        if answer.is_success:
            self.model.leave(visit)

    @rule(id_=ids, call=st.sampled_from(["check-out", "complete"]))
    def leave_by_hand(self, id_: str, call: str) -> None:
        visit = self.model.visits[id_]
        ends_away = call == "complete" and visit.is_away
        answer = self.call(id_, call)
        assert answer.is_success is (ends_away or self.model.is_inside(visit)), answer.text
        if answer.is_success and call == "complete":
            self.model.complete(visit)
        elif answer.is_success:
            self.model.leave(visit)

    # -- time and the worker ------------------------------------------------------------------

    @rule(day=days, at=hours, jobs=st.sets(st.sampled_from(JOBS), min_size=1))
    def wait(self, day: int, at: time, jobs: set[str]) -> None:
        self.pass_time(self.moment(day, at))
        if "close" in jobs:
            self.world.job(close_visits)
            self.model.close()
        if "remind" in jobs:
            self.world.job(send_reminders)
            self.model.remind()
        if "deliver" in jobs:
            self.world.deliver()
            self.model.deliver()

    # -- what always holds --------------------------------------------------------------------

    @invariant()
    def the_database_agrees(self) -> None:
        found = self.world.look()
        assert found.visits.keys() == self.model.visits.keys()
        assert found.summaries == self.summaries
        for slot, seats in found.slots.items():
            assert seats.capacity == self.model.capacity(slot)
            assert seats.booked == seats.holders == self.model.booked(slot) <= seats.capacity
            strangers = self.model.of_strangers(slot)
            assert seats.of_strangers == seats.strangers == strangers
            assert strangers <= self.model.share(slot) or slot in self.model.raised
        for id_, visit in self.model.visits.items():
            there = found.visits[id_]
            assert there.status == visit.status
            assert there.is_away == visit.is_away
            assert there.is_moved == visit.is_moved
            assert replayed(there.actions) == visit.as_logged
            assert there.mails == mails(visit)

    # -- steps --------------------------------------------------------------------------------

    def moment(self, day: int, at: time) -> datetime:
        return datetime.combine(self.model.now + timedelta(days=day), at, self.model.now.tzinfo)

    def pass_time(self, until: datetime) -> None:
        self.model.now = max(self.model.now, until)
        self.world.clock.set(self.model.now)

    def known(self, answer: httpx.Response, retired: str | None = None) -> str:
        """Note the code of a visit, and how the gate refuses the one before it."""
        visitor = answer.json()
        id_: str = visitor["id"]
        former = self.former.setdefault(id_, {})
        if retired and self.codes[id_] != visitor["qr_code"]:
            former[self.codes[id_]] = retired
            if retired == "replaced":
                self.former[id_] = dict.fromkeys(former, retired)
        self.codes[id_] = visitor["qr_code"]
        return id_

    def has_seat_now(self) -> bool:
        return self.model.has_seats(self.model.now)

    def call(self, id_: str, name: str, body: Any = None) -> httpx.Response:
        return self.world.request("POST", f"visitors/{id_}/{name}/", body)

    def scan(self, id_: str, direction: str) -> httpx.Response:
        body = {"token": self.codes[id_], "direction": direction}
        return self.world.request("POST", "visitors/verify-qr/", body)


def named(*codes: str) -> dict[str, Any]:
    return {"override": {"codes": list(codes), "reason": "The board has invited this guest"}}


def when(moment: datetime) -> dict[str, str]:
    return {"visit_date": f"{moment:%Y-%m-%d}", "visit_time": f"{moment:%H:%M}"}


def replayed(actions: list[str]) -> str:
    """Return the status that the log tells of."""
    standing: list[VisitorAction] = []
    for action in map(VisitorAction, actions):
        if action is VisitorAction.UNDONE:
            undone = standing.pop()
            while undone is VisitorAction.CHECKED_OUT and standing[-1] in ENDS:  # it corrected them
                standing.pop()
        elif action in BECOMES:
            standing.append(action)
    return BECOMES[standing[-1]]


def mails(visit: Visit) -> dict[str, list[Mail]]:
    by_status = {
        "queued": [mail for mail, _ in visit.waiting],
        "sent": visit.sent,
        "superseded": visit.dropped,
    }
    return {status: sorted(mails) for status, mails in by_status.items() if mails}


def test_the_database_says_what_the_model_says(world: World) -> None:
    run_state_machine_as_test(
        lambda: Visits(world),  # type: ignore[arg-type] # whatever makes a machine
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
