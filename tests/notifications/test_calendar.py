from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from app.notifications.calendar import CalendarMethod, visit_calendar
from app.notifications.kinds import NotificationKind as Kind
from app.notifications.payloads import VisitPayload
from app.notifications.wording import one_line
from tests.notifications.examples import MADE_AT, ORGANIZER, TOKEN, VALUES, rendered


def written(method: CalendarMethod = CalendarMethod.publish, **changes: Any) -> str:
    visit = VisitPayload.model_validate(VALUES | changes)
    return visit_calendar(visit, method, organizer=ORGANIZER, made_at=MADE_AT)


def event(text: str) -> Event:
    [found] = Calendar.from_ical(text).events
    return found


def test_the_event_has_time_place_and_host():
    found = event(written())
    assert found["SUMMARY"] == "Visit to Berlin Campus"
    assert found["LOCATION"] == "Berlin Campus, Invalidenstraße 120, 10115 Berlin"
    assert found.start == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert found.end == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert "Lena Hoffmann" in str(found["DESCRIPTION"])


def test_a_change_keeps_the_uid_and_raises_the_sequence():
    first, second = event(written(sequence=0)), event(written(sequence=1))
    assert first["UID"] == second["UID"] == f"{VALUES['visitor_id']}@vms"
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (0, 1)


def test_a_cancellation_says_so_in_method_and_status():
    calendar = Calendar.from_ical(written(CalendarMethod.cancel))
    assert calendar["METHOD"] == "CANCEL"
    assert calendar.events[0]["STATUS"] == "CANCELLED"
    assert calendar.events[0]["ORGANIZER"] == f"mailto:{ORGANIZER}"


def test_the_same_visit_gives_the_same_file():
    assert written() == written()


def test_the_token_stays_out():
    assert TOKEN not in written().replace("\r\n ", "")


@pytest.mark.parametrize(
    ("day", "at", "starts"),
    [
        ("2026-07-01", "09:30", "20260701T073000Z"),
        ("2026-03-29", "02:30", "20260329T013000Z"),  # skipped
        ("2026-10-25", "02:30", "20261025T003000Z"),  # comes twice
    ],
)
def test_the_instant_is_right_in_summer_and_at_clock_changes(day, at, starts):
    assert f"DTSTART:{starts}\r\n" in written(visit_date=day, visit_time=at)


@pytest.mark.parametrize("minutes", [15, 90, 1440])
@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"])
def test_a_visit_is_as_long_as_planned_while_clocks_change(day: str, minutes: int):
    found = event(written(visit_date=day, visit_time="01:30", duration_minutes=minutes))
    assert found.end - found.start == timedelta(minutes=minutes)


def test_what_has_a_meaning_in_calendars_is_read_back_as_it_was():
    name = 'A\\n; "B", C:D\\'
    found = event(written(site_name=name, host_name=name))
    assert found["SUMMARY"] == f"Visit to {name}"
    assert f"Host: {name}\n" in str(found["DESCRIPTION"])


@given(st.text(max_size=200))
def test_every_name_is_read_back_as_it_was(name: str):
    name = f"x{one_line(name)}"
    assert event(written(site_name=name))["SUMMARY"] == f"Visit to {one_line(name)}"


@given(st.text(max_size=100))
def test_no_name_adds_a_line_to_the_calendar(name: str):
    text = written(host_name=name, site_name=name, site_address=name)
    names = [line.partition(":")[0] for line in text.replace("\r\n ", "").splitlines()]
    plain = [line.partition(":")[0] for line in written().replace("\r\n ", "").splitlines()]
    assert names == plain
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (Kind.visitor_confirmation, ["PUBLISH"]),
        (Kind.visitor_rescheduled, ["PUBLISH"]),
        (Kind.visitor_updated, ["PUBLISH"]),
        (Kind.visitor_cancelled, ["CANCEL"]),
        (Kind.visitor_reminder, []),
        (Kind.host_registration, ["PUBLISH"]),
        (Kind.host_rescheduled, ["PUBLISH"]),
        (Kind.host_updated, ["PUBLISH"]),
        (Kind.host_cancelled, ["CANCEL"]),
        (Kind.host_handed_over, ["CANCEL"]),
        (Kind.host_arrival, []),
        (Kind.host_bulk_summary, []),
    ],
)
def test_mails_that_add_move_or_remove_a_visit_have_an_entry(kind, methods):
    assert [file.method for file in rendered(kind).attachments] == methods


def test_a_host_reads_who_comes_and_is_not_asked_to_bring_a_code():
    [file] = rendered(Kind.host_registration).attachments
    found = event(file.text)
    assert found["SUMMARY"] == "Visit of Maria Sánchez"
    described = "Visitor: Maria Sánchez (Nordwind Logistics)\nPurpose: business meeting"
    assert found["DESCRIPTION"] == described
    assert found["UID"] == f"{VALUES['visitor_id']}@vms"
    [german] = rendered(Kind.host_registration, language="de", company=None).attachments
    assert event(german.text)["SUMMARY"] == "Besuch von Maria Sánchez"
    assert str(event(german.text)["DESCRIPTION"]).startswith("Gast: Maria Sánchez\n")


def test_a_visitor_reads_how_to_reach_the_site():
    phone, email = "+49 30 123456", "visits@example.com"
    found = event(written(contact_phone=phone, contact_email=email))
    assert f"Contact: {phone}, {email}\n" in str(found["DESCRIPTION"])
    assert f"Contact: {email}\n" in str(event(written(contact_email=email))["DESCRIPTION"])
    assert "Contact" not in str(event(written())["DESCRIPTION"])
