"""Draw badges."""

from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from app.badges.layout import Badge, BadgeSize, laid_out
from app.core import typesetting
from app.notifications.payloads import local_moment
from app.notifications.wording import wording
from app.passes.state import state_of
from app.visitors.lifecycle import InvalidTransition
from app.visitors.models import Visitor

TEMPLATE = Path(__file__).with_name("badge.typ")


def badge_of(visitor: Visitor, logo: bytes | None, now: datetime) -> Badge:
    """Return the badge of a visit; raise `InvalidTransition` if it is over.

    The host is named, never shown by address.
    """
    site = visitor.site
    if not state_of(visitor, site, now).opens_gates:
        raise InvalidTransition(
            "The visit is over: there is no badge for it", current_status=visitor.status.value
        )
    words = wording(site.language)
    starts_at = local_moment(visitor.visit_date, visitor.visit_time, site.timezone)
    host = visitor.host_name
    return Badge(
        title=words.gettext("Visitor pass"),
        heading=site.brand_name or site.name,
        name=visitor.name,
        company=visitor.company,
        host=host and f"{words.gettext('Host')}: {host}",
        date=words.short_day(starts_at.astimezone(ZoneInfo(site.timezone))),
        token=visitor.qr_code,
        logo=logo,
    )


async def draw(badge: Badge, size: BadgeSize) -> bytes:
    """Return a badge as PDF."""
    return await typesetting.in_thread(compiled, badge, size)


def compiled(badge: Badge, size: BadgeSize, form: Literal["pdf", "png"] = "pdf") -> bytes:
    """Return a badge as PDF, or as a picture of 300 dots an inch."""
    return typesetting.compiled(TEMPLATE, laid_out(badge, size), form)
