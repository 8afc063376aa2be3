"""The mails that the life of a visit causes."""

from datetime import date, time
from typing import Any

from app.notifications.kinds import NotificationKind
from app.notifications.payloads import (
    CancelledVisitPayload,
    MovedVisitPayload,
    Payload,
    VisitPayload,
)
from app.notifications.repository import OutgoingMail
from app.sites.models import Site
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor


def visit_payload(visitor: Visitor, site: Site) -> VisitPayload:
    """What mails say of a visit."""
    return VisitPayload(**_facts(visitor, site))


def moved_payload(
    visitor: Visitor, site: Site, previous_date: date, previous_time: time
) -> MovedVisitPayload:
    """The same, with the time that it was moved from."""
    return MovedVisitPayload(
        **_facts(visitor, site), previous_date=previous_date, previous_time=previous_time
    )


def cancelled_payload(visitor: Visitor, site: Site, *, by_visitor: bool) -> CancelledVisitPayload:
    """The same, with whether the visitor has cancelled, or somebody for them."""
    return CancelledVisitPayload(**_facts(visitor, site), by_visitor=by_visitor)


def to_visitor(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: Payload, version: int
) -> OutgoingMail:
    """A mail to the visitor, pointless once the visit can be admitted no more."""
    return OutgoingMail(
        kind=kind,
        payload=payload,
        to=visitor.email,
        name=visitor.name,
        visitor_id=visitor.id,
        version=version,
        pointless_after=arrival_window(visitor, site).closes,
    )


def to_host(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: Payload, version: int
) -> list[OutgoingMail]:
    """A mail to the host; none where the visit names no address."""
    if visitor.host_email is None:
        return []
    return [
        OutgoingMail(
            kind=kind,
            payload=payload,
            to=visitor.host_email,
            name=visitor.host_name or "",
            visitor_id=visitor.id,
            version=version,
            pointless_after=arrival_window(visitor, site).closes,
        )
    ]


def _facts(visitor: Visitor, site: Site) -> dict[str, Any]:
    return {
        "language": site.language,
        "visitor_id": visitor.id,
        "visitor_name": visitor.name,
        "company": visitor.company,
        "purpose": visitor.purpose.value,
        "host_name": visitor.host_name or visitor.host_email,
        "site_name": site.name,
        "site_address": site.address,
        "timezone": site.timezone,
        "visit_date": visitor.visit_date,
        "visit_time": visitor.visit_time,
        "qr_code": visitor.qr_code,
        "sequence": visitor.revision,
    }
