"""The types of events, and the entries of the audit log that they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """What happened; more may come."""

    VISIT_REGISTERED = "visit.registered"
    VISIT_UPDATED = "visit.updated"
    VISIT_RESCHEDULED = "visit.rescheduled"
    VISIT_CANCELLED = "visit.cancelled"
    VISIT_CHECKED_IN = "visit.checked_in"
    VISIT_CHECKED_OUT = "visit.checked_out"
    VISIT_UNDONE = "visit.undone"
    VISIT_COMPLETED = "visit.completed"
    VISIT_EXPIRED = "visit.expired"
    VISIT_OVERDUE = "visit.overdue"
    VISIT_ERASED = "visit.erased"
    SCAN_REFUSED = "scan.refused"
    SCAN_CONFLICT = "scan.conflict"
    MAIL_SENT = "mail.sent"
    MAIL_FAILED = "mail.failed"
    SLOT_FULL = "slot.full"
    SLOT_REOPENED = "slot.reopened"
    DEVICE_CREATED = "device.created"
    DEVICE_REVOKED = "device.revoked"
    DEVICE_OFFLINE = "device.offline"
    DEVICE_ONLINE = "device.online"
    MUSTER_STARTED = "muster.started"
    MUSTER_MARKED = "muster.marked"
    MUSTER_ENDED = "muster.ended"
    IMPORT_COMPLETED = "import.completed"


@dataclass(frozen=True, slots=True)
class Source:
    """The event of an audit action; `fields` are what that action always changes."""

    type: EventType
    fields: tuple[str, ...] = ()


FINAL_EXIT = (EventType.VISIT_CHECKED_OUT, EventType.VISIT_COMPLETED)
"""The events of a check-out with which the visit is over."""

# Audit actions that are not named here make no event.
SOURCES: Mapping[str, Source] = {
    "visitor.registered": Source(EventType.VISIT_REGISTERED),
    "visitor.updated": Source(EventType.VISIT_UPDATED),
    "visitor.code_replaced": Source(EventType.VISIT_UPDATED, ("qr_code",)),
    "visitor.rescheduled": Source(EventType.VISIT_RESCHEDULED),
    "visitor.cancelled": Source(EventType.VISIT_CANCELLED),
    "visitor.checked_in": Source(EventType.VISIT_CHECKED_IN),
    "visitor.checked_out": Source(EventType.VISIT_CHECKED_OUT),
    "visitor.undone": Source(EventType.VISIT_UNDONE),
    "visitor.completed": Source(EventType.VISIT_COMPLETED),
    "visitor.expired": Source(EventType.VISIT_EXPIRED),
    "visitor.deleted": Source(EventType.VISIT_ERASED),
    "visitor.anonymised": Source(EventType.VISIT_ERASED),
    "device.created": Source(EventType.DEVICE_CREATED),
    "device.deleted": Source(EventType.DEVICE_REVOKED),
    "muster.started": Source(EventType.MUSTER_STARTED),
    "muster.turned_real": Source(EventType.MUSTER_STARTED, ("kind",)),
    "muster.reopened": Source(EventType.MUSTER_STARTED, ("status",)),
    "muster.marked": Source(EventType.MUSTER_MARKED),
    "muster.person_added": Source(EventType.MUSTER_MARKED),
    "muster.ended": Source(EventType.MUSTER_ENDED),
    "workbook.uploaded": Source(EventType.IMPORT_COMPLETED),
}

# Types of subjects by another name than in the audit log.
SUBJECTS: Mapping[str, str] = {"workbook": "import"}


class ActorKind(StrEnum):
    """Who did something; `visitor` stands for strangers, too."""

    USER = "user"
    DEVICE = "device"
    KEY = "key"
    VISITOR = "visitor"
    SYSTEM = "system"


# Kinds of actors of the audit log that events name otherwise: a warden by link is a person.
ACTORS: Mapping[str, ActorKind] = {
    "anonymous": ActorKind.VISITOR,
    "warden": ActorKind.USER,
}
WITHOUT_ID = frozenset({"anonymous", "visitor", "warden"})
"""Kinds of actors of the audit log without an id that a client could look up."""


def actor_kind(kind: str) -> ActorKind:
    """Return the kind of an actor by that of the audit log."""
    return ACTORS.get(kind) or ActorKind(kind)
