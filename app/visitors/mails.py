from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from app.notifications.kinds import NotificationKind
from app.notifications.payloads import (
    ArrivalPayload,
    CancelledVisitPayload,
    HandedOverPayload,
    MovedVisitPayload,
    UpdatedVisitPayload,
    VisitPayload,
)
from app.notifications.repository import OutgoingMail
from app.sites.models import Site
from app.visitors.arrival import arrival_window
from app.visitors.co_hosts import others
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


def updated_payload(visitor: Visitor, site: Site, **previous: Any) -> UpdatedVisitPayload:
    """Return a payload with the `previous_` facts that differ."""
    return UpdatedVisitPayload(**_facts(visitor, site), **previous)


def cancelled_payload(visitor: Visitor, site: Site, *, by_visitor: bool) -> CancelledVisitPayload:
    return CancelledVisitPayload(**_facts(visitor, site), by_visitor=by_visitor)


def handed_over_payload(visitor: Visitor, site: Site) -> HandedOverPayload:
    return HandedOverPayload(**_facts(visitor, site), account_id=visitor.host_id)


def to_visitor(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload, version: int
) -> list[OutgoingMail]:
    """Return a mail that is outdated once the visit cannot be admitted; none without an address."""
    if visitor.email is None:
        return []
    return [
        OutgoingMail(
            kind=kind,
            payload=for_visitor(payload, visitor),
            to=visitor.email,
            name=visitor.name,
            visitor_id=visitor.id,
            version=version,
            pointless_after=arrival_window(visitor, site).closes,
        )
    ]


def to_host(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: VisitPayload, version: int
) -> list[OutgoingMail]:
    """Return the mails to the host, if there is an address, and to the co-hosts."""
    closes, host_email = arrival_window(visitor, site).closes, visitor.host_email
    to_all = [] if host_email is None else [(host_email, visitor.host_name, "", payload)]
    for one in others(visitor.co_hosts, host_email):
        email, name = one["email"], one["name"]
        to_all.append((email, name, email, for_co_host(payload, name)))
    return [
        OutgoingMail(
            kind=kind,
            payload=said,
            to=to,
            name=name or "",
            co_host=co_host,
            visitor_id=visitor.id,
            version=version,
            pointless_after=closes,
        )
        for to, name, co_host, said in to_all
    ]


def to_receiver(
    kind: NotificationKind, visitor: Visitor, site: Site, payload: ArrivalPayload, version: int
) -> list[OutgoingMail]:
    """Return the mails to the host, or to the reception without an address, and to co-hosts."""
    to_hosts = to_host(kind, visitor, site, payload, version)
    if visitor.host_email is not None or site.reception_email is None:
        return to_hosts
    to_reception = OutgoingMail(
        kind=kind,
        payload=payload.model_copy(update={"to_reception": True}),
        to=site.reception_email,
        name=site.name,
        visitor_id=visitor.id,
        version=version,
        pointless_after=arrival_window(visitor, site).closes,
    )
    return [to_reception, *to_hosts]


V = TypeVar("V", bound=VisitPayload)


def for_co_host(payload: V, name: str | None) -> V:
    update: dict[str, Any] = {"to_co_host": True, "co_host_name": name}
    if isinstance(payload, HandedOverPayload):
        update["account_id"] = None  # the one of the host
    return payload.model_copy(update=update)


def for_visitor(payload: V, visitor: Visitor) -> V:
    """Use the visitor's language; hide the host's account if the visitor named the host."""
    said: dict[str, Any] = {"language": visitor.language or payload.language}
    if visitor.host_as_sent is not None:
        said["host_name"] = visitor.host_as_sent or None
    return payload.model_copy(update=said)


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
    mails = []
    if visitor.email is not None:
        mails.append((NotificationKind.visitor_cancelled, to_guest, visitor.email, visitor.name))
    to_hosts = NotificationKind.host_cancelled
    if host_email is not None:
        mails.append((to_hosts, payload, host_email, visitor.host_name or ""))
    for one in others(visitor.co_hosts, visitor.host_email):
        said, name = for_co_host(payload, one["name"]), one["name"] or ""
        mails.append((to_hosts, said, one["email"], name))
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
        "duration_minutes": visitor.duration_minutes,
        "qr_code": visitor.qr_code,
        "sequence": visitor.revision,
        "contact_phone": site.contact_phone,
        "contact_email": site.contact_email,
        "brand_name": site.brand_name,
        "brand_color": site.brand_color,
        "is_typed_by_stranger": visitor.registered_by_stranger or visitor.host_as_sent is not None,
    }


def _shown_address(visitor: Visitor) -> str | None:
    """Return the host's address, unless the visitor typed it."""
    return visitor.host_email if visitor.host_as_sent is None else None
