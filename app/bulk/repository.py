"""SQL of uploads: many slots, hosts and visitors at once.

Sites and slots are plain copies: what is set in them goes nowhere.
"""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    String,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)

from app.core.database import ReadSession
from app.core.plain import plain_copy, stored_columns
from app.core.prepared import Prepared
from app.core.text import account_key
from app.sites.models import Site, SiteClosure
from app.slots.rules import ONE_DAY
from app.users.models import User
from app.visitors.models import Visitor, VisitorStatus

VisitKey = tuple[str, date, int]
"""The case-folded e-mail address of a visitor, and the slot."""


def _among(name: str, kind: Any) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(kind)))


def _site(chosen: ColumnElement[bool]) -> Prepared:
    closed = (
        select(func.array_agg(SiteClosure.date))
        .where(SiteClosure.site_id == Site.id, SiteClosure.date == _among("days", Date))
        .scalar_subquery()
    )
    return Prepared(select(closed, *stored_columns(Site)).where(chosen))


_CHOSEN_SITE = _site(Site.id == bindparam("site"))
_DEFAULT_SITE = _site(Site.is_default.is_(True))

_HOSTS = Prepared(
    select(User.email_key, User.id).where(User.email_key == _among("keys", String), User.is_active)
)

_AWAITED = Prepared(
    select(Visitor.email, Visitor.visit_date, Visitor.visit_time).where(
        Visitor.site_id == bindparam("site"),
        Visitor.visit_date == _among("days", Date),
        type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus.PENDING}'", String),
        func.lower(Visitor.email) == _among("emails", String),
    )
)


class UploadReader:
    """Looks up what the rows of an upload refer to, each with one query."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def site(self, site_id: UUID | None, days: set[date]) -> tuple[Site, set[date]] | None:
        """A site (the default one for None), and its closures of these days and of their eves."""
        eves = {day - ONE_DAY for day in days if day > date.min}
        values: dict[str, Any] = {"days": list(days | eves)}
        if site_id is None:
            row = await self.session.row(_DEFAULT_SITE, **values)
        else:
            row = await self.session.row(_CHOSEN_SITE, **values, site=site_id)
        site = plain_copy(Site, row[1:]) if row else None
        return (site, set(row[0] or ())) if site and row else None

    async def host_ids(self, emails: Collection[str]) -> dict[str, UUID]:
        """The active accounts behind these addresses, by `account_key`."""
        keys = {account_key(email) for email in emails}
        found = await self.session.fetch(_HOSTS, keys=list(keys))
        return {row[0]: row[1] for row in found}

    async def awaited(
        self, site_id: UUID, days: Collection[date], emails: Collection[str]
    ) -> set[VisitKey]:
        """The visits of these people on these days that are registered and still lie ahead."""
        lowered = list({email.lower() for email in emails})
        found = await self.session.fetch(_AWAITED, site=site_id, days=list(days), emails=lowered)
        return {(account_key(email), day, at.hour) for email, day, at in found}
