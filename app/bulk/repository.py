"""SQL of uploads. Sites and slots are untracked copies."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    String,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)

from app.bulk.planning import Place, VisitKey, name_key
from app.core.db.database import ReadSession
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.text import account_key, address_key
from app.departments.models import Department
from app.sites.models import Site, SiteClosure
from app.slots.keys import SlotKey
from app.slots.rules import ONE_DAY
from app.slots.seat_repository import given_rows
from app.users.models import User, full_name
from app.users.repository import receives
from app.visitors.host_service import NamedHost
from app.visitors.models import Visitor, VisitorStatus


def _among(name: str, kind: Any) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(kind)))


def _named(model: type[Site | Department]) -> ColumnElement[Any]:
    """Select rows with one of the names, ignoring case."""
    given = given_rows(name=String)
    return (
        select(func.array_agg(given.c.name))
        .where(func.lower(given.c.name) == func.lower(model.name))
        .scalar_subquery()
    )


def _sites() -> Query:
    closed = (
        select(func.array_agg(SiteClosure.date))
        .where(SiteClosure.site_id == Site.id, SiteClosure.date == _among("days", Date))
        .scalar_subquery()
    )
    chosen = bindparam("site", type_=Uuid())
    common = func.coalesce(Site.id == chosen, Site.is_default)
    named = _named(Site)
    return Query(
        select(common, named, closed, *stored_columns(Site)).where(common | named.is_not(None))
    )


_SITES = _sites()

_DEPARTMENTS = Query(
    select(_named(Department), *stored_columns(Department)).where(_named(Department).is_not(None))
)

_HOSTS = Query(
    select(User.id, User.first_name, User.last_name, User.email).where(
        User.email_key == _among("keys", String), receives()
    )
)

_AWAITED = Query(
    select(
        Visitor.email, Visitor.name, Visitor.site_id, Visitor.visit_date, Visitor.visit_time
    ).where(
        Visitor.site_id == _among("sites", Uuid),
        Visitor.visit_date == _among("days", Date),
        type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus.PENDING}'", String),
        func.lower(Visitor.email) == _among("emails", String),
    )
)


class UploadReader:
    """Looks up the references of an upload, with one query each."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def sites(
        self, site_id: UUID | None, names: Collection[str], days: Collection[date]
    ) -> tuple[Place | None, dict[str, Place]]:
        """Return a site (the default for None), and the named sites, with their closures."""
        eves = {day - ONE_DAY for day in days if day > date.min}
        values = {"site": site_id, "names": list(names), "days": list(eves.union(days))}
        common, by_name = None, {}
        for is_common, called, closed, *columns in await self.session.fetch(_SITES, **values):
            site = plain_copy(Site, columns)
            if site is None:
                continue
            place = Place(site, set(closed or ()))
            common = place if is_common else common
            by_name.update(dict.fromkeys(called or (), place))
        return common, by_name

    async def departments(self, names: Collection[str]) -> dict[str, Department]:
        found = {}
        for called, *columns in await self.session.fetch(_DEPARTMENTS, names=list(names)):
            department = plain_copy(Department, columns)
            if department is not None:
                found.update(dict.fromkeys(called, department))
        return found

    async def hosts(self, emails: Collection[str]) -> dict[str, NamedHost]:
        """Return the accounts with these addresses, by `address_key`."""
        keys = {account_key(email) for email in emails}
        found = await self.session.fetch(_HOSTS, keys=list(keys))
        return {
            address_key(email): NamedHost(id_, full_name(*names), email)
            for id_, *names, email in found
        }

    async def awaited(self, slots: Collection[SlotKey], emails: Collection[str]) -> set[VisitKey]:
        """Return the pending visits of these people at these sites and times."""
        found = await self.session.fetch(
            _AWAITED,
            sites=list({site for site, _, _ in slots}),
            days=list({day for _, day, _ in slots}),
            emails=list({email.lower() for email in emails}),
        )
        return {
            (account_key(email), name_key(name), SlotKey.of(site, day, at))
            for email, name, site, day, at in found
        }
