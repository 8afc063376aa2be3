"""SQL of sites and closures."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    ScalarSelect,
    Text,
    cast,
    column,
    delete,
    extract,
    func,
    literal,
    select,
    table,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.db.repository import NameTaken, ReadRepository, Repository, refusals
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.localtime import local_now
from app.sites.errors import ClosureExists
from app.sites.models import Site, SiteChange, SiteClosure

BY_NAME = Ordering("sites", (Site.name, Site.id), descending=False)
BY_DATE = Ordering("closures", (SiteClosure.date, SiteClosure.id), descending=False)


def closures_of(day: ColumnElement[date]) -> ScalarSelect[list[date] | None]:
    """Return an array of closures around a day, or NULL.

    A shift may begin on the day before, and today may be a day before or after today in UTC.
    """
    return (
        select(func.array_agg(SiteClosure.date))
        .where(SiteClosure.site_id == Site.id, SiteClosure.date.between(day - 2, day + 1))
        .scalar_subquery()
    )


class SiteReader(ReadRepository[Site]):
    model = Site

    async def get_or_default(self, site_id: UUID | None) -> Site | None:
        """Return a site, the default for None."""
        chosen = Site.is_default if site_id is None else Site.id == site_id
        return await self.session.scalar(self.statement().where(chosen))

    async def reached(self, site_id: UUID, scope: Scope) -> Site | None:
        """Return a site that is in scope."""
        return await self.get(site_id) if scope.has_site(site_id) else None

    async def at_home(self, scope: Scope) -> Site | None:
        """Return the default site, or the first one by name where that is out of scope."""
        return await self.session.scalar(
            self.statement()
            .where(*scope.of_sites(Site.id))
            .order_by(Site.is_default.desc(), *BY_NAME.clauses())
            .limit(1)
        )

    async def all(self) -> Sequence[Site]:
        return (await self.session.scalars(self.statement().order_by(Site.id))).all()

    async def by_id(self, ids: Collection[UUID]) -> dict[UUID, Site]:
        found = await self.session.scalars(self.statement().where(Site.id.in_(ids)))
        return {site.id: site for site in found}

    async def page(
        self, scope: Scope, page: PageRequest
    ) -> tuple[list[Site], str | None, int | None]:
        """Return the sites in scope by name."""
        statement = self.statement().where(*scope.of_sites(Site.id))
        return await paginate(self.session, statement, BY_NAME, page)

    async def by_today(self, now: datetime) -> dict[date, list[UUID]]:
        """Return site ids by current date, of which there are at most three."""
        found: defaultdict[date, list[UUID]] = defaultdict(list)
        for site_id, timezone in await self.session.rows(select(Site.id, Site.timezone)):
            found[local_now(now, timezone).date()].append(site_id)
        return found

    async def timezones(self) -> set[str]:
        return set(await self.session.scalars(select(Site.timezone).distinct()))

    async def knows_timezone(self, name: str) -> bool:
        """Return whether the database knows a time zone; Python's list differs."""
        return name in await self.known_timezones([name])

    async def known_timezones(self, names: Collection[str]) -> set[str]:
        """Return the time zones that the database knows."""
        known = table("pg_timezone_names", column("name", Text))
        return set(await self.session.scalars(select(known.c.name).where(known.c.name.in_(names))))

    async def database_offsets(
        self, zones: Collection[str], instants: Collection[datetime]
    ) -> list[tuple[str, datetime, int]]:
        """Return UTC offsets in seconds, according to the database."""
        times = literal(list(instants), ARRAY(DateTime(timezone=True)))
        zone = func.unnest(literal(list(zones), ARRAY(Text))).table_valued("name").render_derived()
        instant = func.unnest(times).table_valued("at").render_derived()
        offset = func.timezone(zone.c.name, instant.c.at) - func.timezone("UTC", instant.c.at)
        found = await self.session.rows(
            select(zone.c.name, instant.c.at, cast(extract("epoch", offset), Integer)).select_from(
                zone.join(instant, true())
            )
        )
        return [(name, at, seconds) for name, at, seconds in found]

    async def for_day(self, site_id: UUID | None, day: date) -> tuple[Site, set[date]] | None:
        """Return a site (the default for None) with its closures around a day."""
        chosen = Site.is_default if site_id is None else Site.id == site_id
        statement = select(Site, closures_of(literal(day))).where(chosen)
        found = (await self.session.rows(statement)).one_or_none()
        return (found[0], set(found[1] or ())) if found else None


class SiteRepository(SiteReader, Repository[Site]):
    async def lock_all(self) -> Sequence[Site]:
        """Lock every site in the order of ids, to change the default."""
        found = await self.session.scalars(
            self.statement()
            .order_by(Site.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        sites = found.all()
        for site in sites:
            await self.unit.decide(site)
        return sites

    async def clear_default(self) -> None:
        """Clear the default site; the UPDATE sees what was committed while it waited for locks."""
        await self.lock_all()
        await self.unit.write(
            update(Site)
            .where(Site.is_default)
            .values(is_default=False)
            .execution_options(synchronize_session=False)
        )

    async def save(self, site: Site) -> Site:
        """Write a site; raise `NameTaken`."""
        self.add(site)
        with refusals({"uq_sites_lower_name": NameTaken}):
            await self.unit.flush()
        return site


class ClosureReader(ReadRepository[SiteClosure]):
    model = SiteClosure

    async def days(self, site_id: UUID, first: date, last: date) -> set[date]:
        """Return the closed days from `first` to `last` inclusive."""
        found = await self.session.scalars(
            select(SiteClosure.date).where(
                SiteClosure.site_id == site_id, SiteClosure.date.between(first, last)
            )
        )
        return set(found)

    async def page(
        self, site_id: UUID, first: date | None, last: date | None, page: PageRequest
    ) -> tuple[list[SiteClosure], str | None, int | None]:
        """Return closures by date, from `first` to `last` inclusive."""
        statement = self.statement().where(SiteClosure.site_id == site_id)
        if first is not None:
            statement = statement.where(SiteClosure.date >= first)
        if last is not None:
            statement = statement.where(SiteClosure.date <= last)
        return await paginate(self.session, statement, BY_DATE, page)


class ClosureRepository(ClosureReader, Repository[SiteClosure]):
    async def save(self, closure: SiteClosure) -> SiteClosure:
        """Write a closure; raise `ClosureExists`."""
        self.add(closure)
        with refusals({"uq_site_closures_site_id_date": ClosureExists}):
            await self.unit.flush()
        return closure


class SiteChangeRepository(Repository[SiteChange]):
    model = SiteChange

    async def sites(self) -> Sequence[UUID]:
        found = await self.session.scalars(
            select(SiteChange.site_id).distinct().order_by(SiteChange.site_id)
        )
        return found.all()

    async def lock_of_site(self, site_id: UUID) -> Sequence[SiteChange]:
        """Lock a site's changes, oldest first; none if another worker has them."""
        of_site = self.statement().where(SiteChange.site_id == site_id).order_by(SiteChange.id)
        oldest = of_site.with_only_columns(SiteChange.id).limit(1).scalar_subquery()
        mine = select(SiteChange.id).where(SiteChange.id == oldest)
        if await self.session.scalar(mine.with_for_update(skip_locked=True)) is None:
            return []
        return (await self.session.scalars(of_site.with_for_update())).all()

    async def delete_all(self, changes: Collection[SiteChange]) -> None:
        await self.unit.write(
            delete(SiteChange)
            .where(SiteChange.id.in_([change.id for change in changes]))
            .execution_options(synchronize_session=False)
        )
