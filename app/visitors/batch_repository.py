"""SQL of many registrations at once. Sites are untracked copies."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
)

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.text import account_key, address_key
from app.departments.models import Department
from app.sites.models import Site, SiteClosure
from app.slots.rules import ONE_DAY
from app.slots.seat_repository import given_rows
from app.users.models import User, full_name
from app.users.repository import receives
from app.visitors.batch import NO_HOSTS, KnownHosts, Place
from app.visitors.host_service import NamedHost
from app.visitors.schemas import HostFields


def among(name: str, kind: Any) -> ColumnElement[Any]:
    """Return the values of an array parameter, for a comparison."""
    return any_(bindparam(name, type_=ARRAY(kind)))


def named(model: type[Site | Department]) -> ColumnElement[Any]:
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
        .where(SiteClosure.site_id == Site.id, SiteClosure.date == among("days", Date))
        .scalar_subquery()
    )
    chosen = bindparam("site", type_=Uuid())
    common, by_name = func.coalesce(Site.id == chosen, Site.is_default), named(Site)
    return Query(
        select(common, by_name, closed, *stored_columns(Site)).where(common | by_name.is_not(None))
    )


_SITES = _sites()

_HOSTS = Query(
    select(User.id, User.first_name, User.last_name, User.email, User.is_active, User.sites).where(
        or_(
            and_(User.email_key == among("keys", String), receives()),
            and_(User.id == among("ids", Uuid), User.is_active),
        )
    )
)


class BatchReader:
    """Looks up the references of many registrations, with one query each."""

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

    async def hosts(self, forms: Iterable[HostFields], caller: Caller) -> KnownHosts:
        """Return the accounts that the forms name, which a host may not look up in general.

        As for a single registration, an id is known only if the account is active and in scope.
        """
        forms = list(forms)
        ids = {form.host_id for form in forms if form.host_id is not None}
        emails = {form.host_email for form in forms if form.host_email is not None}
        for_others = not caller.is_host or caller.acts_for
        if not for_others or not (ids or emails):
            return NO_HOSTS
        keys = {account_key(email) for email in emails}
        found = await self.session.fetch(_HOSTS, ids=list(ids), keys=list(keys))
        by_id, by_address = {}, {}
        for id_, first_name, last_name, email, is_active, sites in found:
            host = NamedHost(id_, full_name(first_name, last_name), email)
            by_address[address_key(email)] = host
            if is_active and caller.scope.meets(sites):
                by_id[id_] = host
        return KnownHosts(by_id, by_address)
