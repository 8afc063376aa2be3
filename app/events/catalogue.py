"""What each type of event says, for the documentation and its tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.events.kinds import ActorKind, EventType

T = EventType
USER, DEVICE, SYSTEM = ActorKind.USER, ActorKind.DEVICE, ActorKind.SYSTEM


@dataclass(frozen=True, slots=True)
class Told:
    """When an event happens, what it is about, and an example of its actor."""

    when: str
    subject: str = "visitor"
    actor: ActorKind = USER
    fields: tuple[str, ...] = ()
    has_site: bool = True
    has_id: bool = True


CATALOGUE: Mapping[EventType, Told] = {
    T.VISIT_REGISTERED: Told("A visit is booked, by whatever way; a walk-in is checked in, too."),
    T.VISIT_UPDATED: Told("Facts of a visit change.", fields=("phone",)),
    T.VISIT_RESCHEDULED: Told("It has another time or site.", fields=("visit_time",)),
    T.VISIT_CANCELLED: Told("It is cancelled."),
    T.VISIT_CHECKED_IN: Told("The visitor comes in, for the first time or again.", actor=DEVICE),
    T.VISIT_CHECKED_OUT: Told("The visitor goes out, or is taken to have gone.", actor=DEVICE),
    T.VISIT_UNDONE: Told("The newest act is taken back: read the visit anew."),
    T.VISIT_COMPLETED: Told("It is over; after a check-out both are told.", actor=DEVICE),
    T.VISIT_EXPIRED: Told("The visitor did not come.", actor=SYSTEM),
    T.VISIT_OVERDUE: Told(
        "The visitor is inside 15 minutes after the planned end, told once for each stay.",
        actor=SYSTEM,
    ),
    T.VISIT_ERASED: Told("The visit is deleted, or the visitor anonymised: forget them."),
    T.SCAN_REFUSED: Told(
        "A gate or the desk refuses a known visitor; it has the site of the visit.", actor=DEVICE
    ),
    T.SCAN_CONFLICT: Told(
        "A gate let a known visitor pass whom it should have refused: it was offline, or opened in "
        "an emergency.",
        actor=DEVICE,
    ),
    T.MAIL_SENT: Told("The mail server took a mail about the visit.", actor=SYSTEM),
    T.MAIL_FAILED: Told("A mail about the visit is given up.", actor=SYSTEM),
    T.SLOT_FULL: Told(
        "The last seat of an hour is taken, or its capacity lowered so far; closures do not count.",
        subject="slot",
        actor=SYSTEM,
    ),
    T.SLOT_REOPENED: Told(
        "An hour that was full has seats again, also when visitors leave, or by a capacity.",
        subject="slot",
        actor=SYSTEM,
    ),
    T.DEVICE_CREATED: Told("A gate or kiosk is added.", subject="device"),
    T.DEVICE_REVOKED: Told("It is deleted, and its key with it.", subject="device"),
    T.DEVICE_OFFLINE: Told("It has sent no request for 5 minutes.", subject="device", actor=SYSTEM),
    T.DEVICE_ONLINE: Told("It sends requests again after that.", subject="device", actor=DEVICE),
    T.MUSTER_STARTED: Told(
        "An evacuation or drill begins, or goes on (`status`), or a drill turns real (`kind`).",
        subject="muster",
    ),
    T.MUSTER_MARKED: Told(
        "People are marked, by wardens or by a gate, or added.", subject="muster"
    ),
    T.MUSTER_ENDED: Told("It is over.", subject="muster"),
    T.IMPORT_COMPLETED: Told(
        "A workbook is imported: its visits are told before, with the same `request_id`. It has "
        "the site of all of them, if that is one.",
        subject="import",
        has_id=False,
    ),
}

_ID = "0192f3a4-{:04x}-7b1c-9d2e-3f4a5b6c7d8e"


def example(type_: EventType) -> dict[str, Any]:
    """Return an event of a type as the API shows it; a test compares it with a real one."""
    told, number = CATALOGUE[type_], list(EventType).index(type_)
    is_of_system = told.actor is SYSTEM
    return {
        "id": _ID.format(number),
        "seq": 4711 + number,
        "type": type_.value,
        "created_at": "2026-11-23T08:00:00Z",
        "site": _ID.format(0xA1),
        "subject": {
            "type": told.subject,
            "id": _ID.format(0xB1) if told.has_id else None,
            "version": 3 if told.subject == "visitor" and type_ is not T.VISIT_ERASED else None,
        },
        "actor": {"kind": told.actor.value, "id": None if is_of_system else _ID.format(0xC1)},
        "request_id": _ID.format(0xD1),
        "fields": list(told.fields),
    }
