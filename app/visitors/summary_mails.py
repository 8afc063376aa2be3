from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.core.text import address_key
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import BulkRow, BulkSummaryPayload
from app.notifications.repository import OutgoingMail
from app.visitors.arrival import arrival_window
from app.visitors.co_hosts import others
from app.visitors.models import Visitor


@dataclass(slots=True)
class _Recipient:
    """A host or co-host of several visitors; the first name that is known counts."""

    to: str
    name: str | None
    account_id: UUID | None
    visitors: list[Visitor] = field(default_factory=list)


def summaries(visitors: Sequence[Visitor]) -> list[OutgoingMail]:
    """Return one mail for each host and co-host with an address."""
    recipients: dict[str, _Recipient] = {}
    for visitor in visitors:
        for person in _recipients(visitor):
            known = recipients.setdefault(address_key(person.to), person)
            known.name = known.name or person.name
            known.account_id = known.account_id or person.account_id
            known.visitors.append(visitor)
    return [_summary(recipient) for recipient in recipients.values()]


def _recipients(visitor: Visitor) -> Iterator[_Recipient]:
    if visitor.host_email is not None:
        yield _Recipient(visitor.host_email, visitor.host_name, visitor.host_id)
    for one in others(visitor.co_hosts, visitor.host_email):
        yield _Recipient(one["email"], one["name"], None)


def _summary(recipient: _Recipient) -> OutgoingMail:
    name = recipient.name or ""
    in_order = sorted(
        recipient.visitors, key=lambda found: (found.visit_date, found.visit_time, found.name)
    )
    sites = list({visitor.site.id: visitor.site for visitor in in_order}.values())
    return OutgoingMail(
        kind=NotificationKind.host_bulk_summary,
        payload=BulkSummaryPayload(
            language=sites[0].language,
            account_id=recipient.account_id,
            host_name=name,
            site_name=", ".join(site.name for site in sites),
            timezone=sites[0].timezone,
            visitors=tuple(_row(visitor, with_site=len(sites) > 1) for visitor in in_order),
        ),
        to=recipient.to,
        name=name,
        pointless_after=max(arrival_window(visitor, visitor.site).closes for visitor in in_order),
    )


def _row(visitor: Visitor, *, with_site: bool) -> BulkRow:
    """Return a line of the mail; `with_site` adds site and time zone."""
    return BulkRow(
        visitor_id=visitor.id,
        name=visitor.name,
        company=visitor.company,
        visit_date=visitor.visit_date,
        visit_time=visitor.visit_time,
        site_name=visitor.site.name if with_site else None,
        timezone=visitor.site.timezone if with_site else None,
    )
