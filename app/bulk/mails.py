from collections.abc import Sequence

from app.core.text import address_key
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import BulkRow, BulkSummaryPayload
from app.notifications.repository import OutgoingMail
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor


def summaries(visitors: Sequence[Visitor]) -> list[OutgoingMail]:
    """Return one mail for each host with an address."""
    by_host: dict[str, list[Visitor]] = {}
    for visitor in visitors:
        if visitor.host_email is not None:
            by_host.setdefault(address_key(visitor.host_email), []).append(visitor)
    return [_summary(theirs) for theirs in by_host.values()]


def _summary(visitors: list[Visitor]) -> OutgoingMail:
    name = next((visitor.host_name for visitor in visitors if visitor.host_name), "")
    in_order = sorted(visitors, key=lambda found: (found.visit_date, found.visit_time, found.name))
    sites = list({visitor.site.id: visitor.site for visitor in in_order}.values())
    return OutgoingMail(
        kind=NotificationKind.host_bulk_summary,
        payload=BulkSummaryPayload(
            language=sites[0].language,
            account_id=visitors[0].host_id,
            host_name=name,
            site_name=", ".join(site.name for site in sites),
            timezone=sites[0].timezone,
            visitors=tuple(_row(visitor, with_site=len(sites) > 1) for visitor in in_order),
        ),
        to=visitors[0].host_email or "",
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
