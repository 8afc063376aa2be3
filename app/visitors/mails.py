from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from app.notifications.kinds import NotificationKind
from app.notifications.payloads import (
    CancelledVisitPayload,
    HandedOverPayload,
    MovedVisitPayload,
    Payload,
    VisitPayload,
)
from app.notifications.repository import OutgoingMail
from app.sites.models import Site
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor


def visit_payload(visitor: Visitor, site: Site) -> VisitPayload:
    return VisitPayload(**_facts(visitor, site))


def moved_payload(
    visitor: Visitor, site: Site, previous_date: date, previous_time: time, left: Site
) -> MovedVisitPayload:
    return MovedVisitPayload(
        **_facts(visitor, site),
        previous_date=previous_date,
        previous_time=previous_time,
        previous_timezone=left.timezone,
        previous_site_name=left.name if left.id != site.id else None,
    )


def cancelled_payload(visitor: Visitor, site: Site, *, by_visitor: bool) -> CancelledVisitPayload:
    return CancelledVisitPayload(**_facts(visitor, site), by_visitor=by_visitor)


def handed_over_payload(visitor: Visitor, site: Site) -> HandedOverPayload:
    return HandedOverPayload(**_facts(visitor, site), account_id=visitor.host_id)


def to_visitor(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload, version: int
) -> OutgoingMail:
    """Return a mail that is outdated once the visit cannot be admitted."""
    return OutgoingMail(
        kind=kind,
        payload=for_visitor(payload, visitor),
        to=visitor.email,
        name=visitor.name,
        visitor_id=visitor.id,
        version=version,
        pointless_after=arrival_window(visitor, site).closes,
    )


def to_host(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: Payload, version: int
) -> list[OutgoingMail]:
    """Return a mail to the host, or none without an address."""
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


V = TypeVar("V", bound=VisitPayload)


def for_visitor(payload: V, visitor: Visitor) -> V:
    """Hide the host's account from the visitor if the visitor named the host."""
    if visitor.host_as_sent is None:
        return payload
    return payload.model_copy(update={"host_name": visitor.host_as_sent or None})


def deletion_mails(
    visitor: Visitor, site: Site, host_email: str | None, now: datetime
) -> list[OutgoingMail]:
    """Return the cancellation mails of a deleted visit, erased after a day."""
    payload = cancelled_payload(visitor, site, by_visitor=False)
    answers = (
        visitor.host_email if visitor.host_as_sent is None and not visitor.host_closed else None
    )
    to_guest = for_visitor(payload, visitor).model_copy(
        update={"reply_to": answers or site.contact_email}
    )
    ends = min(arrival_window(visitor, site).closes, now + timedelta(days=1))
    mails = [(NotificationKind.visitor_cancelled, to_guest, visitor.email, visitor.name)]
    if host_email is not None:
        name = visitor.host_name or ""
        mails.append((NotificationKind.host_cancelled, payload, host_email, name))
    return [
        OutgoingMail(
            kind=kind, payload=said, to=to, name=name, pointless_after=ends, erase_when_done=True
        )
        for kind, said, to, name in mails
    ]


def _facts(visitor: Visitor, site: Site) -> dict[str, Any]:
    return {
        "language": site.language,
        "visitor_id": visitor.id,
        "visitor_name": visitor.name,
        "company": visitor.company,
        "purpose": visitor.purpose.value,
        "host_name": visitor.host_name or _shown_address(visitor),
        "site_name": site.name,
        "site_address": site.address,
        "timezone": site.timezone,
        "visit_date": visitor.visit_date,
        "visit_time": visitor.visit_time,
        "qr_code": visitor.qr_code,
        "sequence": visitor.revision,
        "contact_phone": site.contact_phone,
        "contact_email": site.contact_email,
        "is_typed_by_stranger": visitor.registered_by_stranger or visitor.host_as_sent is not None,
    }


def _shown_address(visitor: Visitor) -> str | None:
    """Return the host's address, unless the visitor typed it."""
    return visitor.host_email if visitor.host_as_sent is None else None
