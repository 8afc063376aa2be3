"""SQL of visitors."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    LargeBinary,
    Row,
    Select,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    any_,
    case,
    column,
    delete,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload
from sqlalchemy.types import TypeEngine

from app.audit.models import VisitorAction, VisitorEvent
from app.auth.caller import Caller, CallerRole
from app.core.db.plain import stored_columns
from app.core.db.repository import ReadRepository, Repository
from app.core.db.update_many import update_many
from app.core.security.qr_token import token_hash
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.models import Slot
from app.slots.rules import ONE_DAY, WallTime, shift_ends
from app.slots.seat_repository import is_slot
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import HELD, RetiredQrCode, Visitor, VisitorStatus

# What tells a visitor when and where to come.
TOLD = (
    NotificationKind.visitor_confirmation,
    NotificationKind.visitor_rescheduled,
    NotificationKind.visitor_updated,
    NotificationKind.visitor_reminder,
)
# What changes with what an invitation says of its site, and when a visitor passes a gate, each with
# the key by which the row is found.
REVISED = ("id", "revision", "updated_at")
PASSAGE = (
    *("id", "status", "checked_in_at", "checked_in_gate", "checked_out_at"),
    *("checked_out_automatically", "updated_at"),
)

_COPIED = stored_columns(Visitor)

Place = tuple[date, UUID]
"""Where a visit stands among those in the order of their days."""


def visible_to(caller: Caller) -> list[ColumnElement[bool]]:
    """Hosts see the visitors that they receive; the front desk sees all."""
    return [Visitor.host_id == caller.id] if caller.is_host else []


def ahead_at(site_id: UUID, today: date) -> list[ColumnElement[bool]]:
    """Pending visits of a site whose day is not over on its calendar."""
    return [
        Visitor.site_id == site_id,
        Visitor.status == VisitorStatus.PENDING,
        Visitor.visit_date >= today,
    ]


def begins_on(site: Site, visited: date, day: date) -> ColumnElement[bool]:
    """Whether the shift of visits on the day `visited` begins on a day.

    Where a site is open past midnight, the hours behind it belong to the shift of the day before.
    """
    until = time(0) if site.opens_at < site.closes_at else site.closes_at
    of_day_before = Visitor.visit_time < until
    if day == visited:
        return ~of_day_before
    return of_day_before if day == visited - timedelta(days=1) else false()


def retention_over(sites: Mapping[date, Collection[UUID]], days: int) -> list[ColumnElement[bool]]:
    """Ended visits more than `days` before today on their site's calendar, of held visitors.

    `sites` are all of them, by today there.
    """
    if not sites:
        return [false()]
    over = (
        and_(
            Visitor.site_id == any_(literal(list(ids), ARRAY(Uuid))),
            Visitor.visit_date < today - timedelta(days),
        )
        for today, ids in sites.items()
    )
    return [
        Visitor.visit_date < max(sites) - timedelta(days),  # a bound that the index can use
        or_(*over),
        literal_column(HELD, Boolean()),
    ]


def _pending_between(
    site_id: UUID, first: WallTime, end: WallTime
) -> tuple[ColumnElement[bool], ...]:
    at = tuple_(Visitor.visit_date, Visitor.visit_time)
    return (
        Visitor.site_id == site_id,
        Visitor.status == VisitorStatus.PENDING,
        Visitor.visit_date.between(first[0], end[0]),  # a bound that the index can use
        at >= first,
        at < end,
    )


def _given(kind: TypeEngine[Any], values: Mapping[UUID, Any]) -> TableValuedAlias:
    """A value for each site, as a table."""
    sites, until = literal(list(values), ARRAY(Uuid)), literal(list(values.values()), ARRAY(kind))
    columns = [column("site_id", Uuid), column("until", kind)]
    return func.unnest(sites, until).table_valued(*columns).render_derived(name="given")


class VisitorReader(ReadRepository[Visitor]):
    """Looks visitors up, with their site and department."""

    model = Visitor

    def statement(self) -> Select[Visitor]:
        return select(Visitor).options(joinedload(Visitor.site), joinedload(Visitor.department))

    async def visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.session.scalar(
            self.statement().where(Visitor.id == visitor_id, *visible_to(caller))
        )

    async def count_ahead(self, site_id: UUID, today: date) -> int:
        """Return how many pending visits of a site lie ahead."""
        counted = select(func.count()).select_from(Visitor).where(*ahead_at(site_id, today))
        return await self.session.scalar(counted) or 0

    async def ids_ahead(
        self, site_id: UUID, today: date, after: UUID, before: UUID, *, at_most: int
    ) -> Sequence[UUID]:
        """Return the first ids between two others, both excluded, of visits that lie ahead."""
        found = await self.session.scalars(
            select(Visitor.id)
            .where(*ahead_at(site_id, today), Visitor.id > after, Visitor.id < before)
            .order_by(Visitor.id)
            .limit(at_most)
        )
        return found.all()

    async def last_moves(self, visitor_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the id of the last mail about a move, of those of these visits that were moved."""
        found = await self.session.rows(
            select(Notification.visitor_id, Notification.id)
            .where(
                Notification.visitor_id.in_(visitor_ids),
                Notification.kind == NotificationKind.visitor_rescheduled,
            )
            .order_by(Notification.id)
        )
        return {visitor_id: id_ for visitor_id, id_ in found if visitor_id is not None}

    async def past_retention(
        self, now: datetime, days: int
    ) -> Sequence[Row[UUID, date, str, VisitorStatus]]:
        """Whom the next run would anonymise, oldest visit first: id, date, site, status."""
        found = await self.session.rows(
            select(Visitor.id, Visitor.visit_date, Site.name, Visitor.status)
            .join(Site, Site.id == Visitor.site_id)
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
        )
        return found.all()

    async def count_past_retention(self, now: datetime, days: int) -> int:
        """How many the next run would anonymise."""
        counted = select(func.count()).select_from(Visitor)
        return await self.session.scalar(counted.where(*await self._retention_over(now, days))) or 0

    async def _retention_over(self, now: datetime, days: int) -> list[ColumnElement[bool]]:
        return retention_over(await SiteReader(self.session).by_today(now), days)

    async def is_registered_already(self, visitor: Visitor) -> bool:
        """Return whether an address has registered itself for the hour of a visit."""
        if visitor.self_registration_key is None:
            return False
        return await self.exists(
            Visitor.self_registration_key == visitor.self_registration_key,
            Visitor.status.in_(HOLDS_SEAT),
            Visitor.slot_id == Slot.id,
            is_slot(*visitor.slot_key),
        )

    async def booked_by_shift(self, site: Site, days: Collection[date]) -> dict[date, int]:
        """Count who holds a seat at a site, by the day whose shift decides on the visit."""
        in_night = Visitor.visit_time < shift_ends(site)
        shift = case((in_night, Visitor.visit_date - 1), else_=Visitor.visit_date)
        nights = {day + ONE_DAY for day in days if day < date.max}
        found = await self.session.rows(
            select(shift, func.count())
            .where(
                Visitor.site_id == site.id,
                Visitor.visit_date.in_({*days} | nights),
                shift.in_(days),
                Visitor.status.in_(HOLDS_SEAT),
            )
            .group_by(literal_column("1"))
        )
        return {row[0]: row[1] for row in found}


class VisitorRepository(VisitorReader, Repository[Visitor]):
    """Changes visitors."""

    async def lock_pending_between(
        self, site_id: UUID, first: WallTime, end: WallTime, *, skip_locked: bool = False
    ) -> Sequence[Visitor]:
        """Lock the pending visits in a span of a site's calendar, in the order of their ids."""
        found = await self.session.scalars(
            select(Visitor)
            .where(*_pending_between(site_id, first, end))
            .order_by(Visitor.id)
            .with_for_update(skip_locked=skip_locked)
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def count_pending_between(self, site_id: UUID, first: WallTime, end: WallTime) -> int:
        """How many of those there are, locked or not."""
        counted = select(func.count(Visitor.id)).where(*_pending_between(site_id, first, end))
        return await self.session.scalar(counted) or 0

    async def lock_visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.lock(Visitor.id == visitor_id, *visible_to(caller))

    async def lock_by_code(self, token: str) -> Visitor | None:
        return await self.lock(Visitor.qr_code == token)

    async def lock_by_codes(self, tokens: Collection[str]) -> list[Visitor]:
        """Lock the visitors of many codes in one order, that of their ids.

        `FOR NO KEY UPDATE`: others go on writing rows that name one of them, or two transactions
        of many visitors each could wait for one another. Handed back are copies that the session
        does not follow; `save_passages` stores what became of them.
        """
        return await self._lock_copies(Visitor.qr_code == any_(literal(list(tokens), ARRAY(Text))))

    async def lock_ahead(self, site_id: UUID, today: date, ids: Collection[UUID]) -> list[Visitor]:
        """Lock those of these visits that still lie ahead at a site, as `lock_by_codes` does."""
        return await self._lock_copies(*ahead_at(site_id, today), Visitor.id.in_(ids))

    async def _lock_copies(self, *conditions: ColumnElement[bool]) -> list[Visitor]:
        found = await self.unit.rows(
            select(*_COPIED).where(*conditions).order_by(Visitor.id).with_for_update(key_share=True)
        )
        return [Visitor(**row) for row in found.mappings()]

    async def lock_strangers(self, *, at_most: int) -> Sequence[Visitor]:
        """Lock open visits that strangers have made and that are not marked so, by their ids."""
        by_stranger = exists().where(
            VisitorEvent.visitor_id == Visitor.id,
            VisitorEvent.action == VisitorAction.REGISTERED,
            VisitorEvent.actor_role == CallerRole.ANONYMOUS,
        )
        found = await self.session.scalars(
            select(Visitor)
            .where(Visitor.status.in_(HOLDS_SEAT), ~Visitor.is_self_registered, by_stranger)
            .order_by(Visitor.id)
            .limit(at_most)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def self_registrations(self, slot_ids: Collection[UUID]) -> set[tuple[UUID, str | None]]:
        """Return which addresses have an open visit of their own making, by slot."""
        found = await self.session.rows(
            select(Visitor.slot_id, Visitor.self_registration_key).where(
                Visitor.slot_id.in_(slot_ids),
                Visitor.status.in_(HOLDS_SEAT),
                Visitor.self_registration_key.is_not(None),
            )
        )
        return {(slot_id, key) for slot_id, key in found}

    async def lock_upcoming(self, host_id: UUID) -> Sequence[Visitor]:
        """Lock the visits that lie ahead of an account, in the order of their ids."""
        found = await self.session.scalars(
            select(Visitor)
            .where(Visitor.host_id == host_id, Visitor.status == VisitorStatus.PENDING)
            .order_by(Visitor.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def save_revisions(self, visitors: Iterable[Visitor]) -> None:
        """Store the `revision` of locked visitors, with one UPDATE."""
        rows = [{name: getattr(visitor, name) for name in REVISED} for visitor in visitors]
        await update_many(self.unit, Visitor, rows)

    async def save_passages(self, visitors: Iterable[Visitor]) -> None:
        """Store who came in and who left among locked visitors, with one UPDATE."""
        rows = [{name: getattr(visitor, name) for name in PASSAGE} for visitor in visitors]
        await update_many(self.unit, Visitor, rows)

    async def with_relations(self, visitor: Visitor) -> Visitor:
        """The same row with site and department, which a lock leaves out."""
        await self.unit.flush()
        found = await self.session.scalar(
            self.statement()
            .where(Visitor.id == visitor.id)
            .execution_options(populate_existing=True)
        )
        if found is None:
            raise LookupError("a locked visitor can't vanish")
        return found

    async def lock_pending_until(
        self, last_days: Mapping[UUID, date], after: Place | None, *, at_most: int
    ) -> list[Visitor]:
        """Lock pending visits up to a day of their site's calendar, as `_lock_open` does."""
        given = _given(Date(), last_days)
        latest = max(last_days.values())  # a bound that the index can use
        return await self._lock_open(
            VisitorStatus.PENDING,
            given,
            [Visitor.visit_date <= given.c.until, Visitor.visit_date <= latest],
            after,
            at_most,
        )

    async def lock_inside_since(
        self, instants: Mapping[UUID, datetime], after: Place | None, *, at_most: int
    ) -> list[Visitor]:
        """Lock visitors who came in by an instant of their site, as `_lock_open` does."""
        given = _given(Visitor.checked_in_at.type, instants)
        came_in_by = [Visitor.checked_in_at <= given.c.until]
        return await self._lock_open(VisitorStatus.VERIFIED, given, came_in_by, after, at_most)

    async def _lock_open(
        self,
        status: VisitorStatus,
        given: TableValuedAlias,
        which: Sequence[ColumnElement[bool]],
        after: Place | None,
        at_most: int,
    ) -> list[Visitor]:
        """Lock open visits by their day, those `after` a place alone.

        Rows that another transaction holds are passed over. Handed back are copies that the
        session does not follow; `save_passages` stores what became of them.
        """
        place = tuple_(Visitor.visit_date, Visitor.id)
        statement = (
            select(*_COPIED)
            .join_from(Visitor, given, Visitor.site_id == given.c.site_id)
            # A constant: a plan for every status could not use the index of the open ones.
            .where(Visitor.status == literal_column(f"'{status}'"), *which)
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        if after is not None:
            statement = statement.where(place > after)
        return [Visitor(**row) for row in (await self.unit.rows(statement)).mappings()]

    async def lock_past_retention(
        self, now: datetime, days: int, *, at_most: int
    ) -> Sequence[Row[UUID, datetime]]:
        """Whom to anonymise: id, and when they were registered.

        Rows that another transaction holds are passed over.
        """
        found = await self.unit.rows(
            select(Visitor.id, Visitor.created_at)
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        return found.all()

    async def anonymise(self, visitor_ids: Collection[UUID], now: datetime) -> None:
        """Replace what tells who locked visitors are, and drop the codes that they had.

        What statistics count stays, and so does the host: that is an employee's data.
        """
        await self.unit.write(
            update(Visitor)
            .where(Visitor.id.in_(visitor_ids))
            .values(
                name="Anonymised visitor",
                email=func.concat(Visitor.id, "@anonymised.invalid"),  # RFC 2606: nobody's
                phone=None,
                company=None,
                notes=None,
                qr_code=func.concat("anonymised-", Visitor.id),  # unique, and never genuine
                self_registration_key=None,
                anonymised_at=now,
                updated_at=now,
            )
            .execution_options(synchronize_session=False)
        )
        await self.unit.write(
            delete(RetiredQrCode).where(RetiredQrCode.visitor_id.in_(visitor_ids))
        )

    async def lock_unreminded(
        self,
        site: Site,
        today: date,
        told_since: datetime,
        closed: Collection[date],
        *,
        at_most: int,
    ) -> Sequence[Visitor]:
        """Lock pending visitors of the day after `today` who were told nothing since an instant.

        A visit to a shift that begins on one of the days `closed` is left out.
        """
        tomorrow = today + timedelta(days=1)
        # One that was written ahead (for invented visitors) counts as well as one of today.
        written = and_(
            Notification.kind == NotificationKind.visitor_reminder,
            Notification.version == Visitor.revision,
        )
        told = exists().where(
            Notification.visitor_id == Visitor.id,
            or_(
                and_(Notification.kind.in_(TOLD), Notification.created_at >= told_since),
                written,
            ),
        )
        found = await self.session.scalars(
            select(Visitor)
            .where(
                Visitor.site_id == site.id,
                Visitor.status == VisitorStatus.PENDING,
                Visitor.visit_date == tomorrow,
                *(~begins_on(site, tomorrow, day) for day in closed),
                ~told,
            )
            .order_by(Visitor.id)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return found.all()

    def retire_code(self, visitor: Visitor, now: datetime) -> None:
        """Remember the present code as a former one."""
        self.unit.add(
            RetiredQrCode(
                token_hash=token_hash(visitor.qr_code), visitor_id=visitor.id, retired_at=now
            )
        )

    async def note_replaced(self, visitor_id: UUID) -> None:
        """Have the gate refuse every former code of a visitor as one that was replaced."""
        await self.unit.write(
            update(RetiredQrCode)
            .where(RetiredQrCode.visitor_id == visitor_id, ~RetiredQrCode.is_replaced)
            .values(is_replaced=True)
            .execution_options(synchronize_session=False)
        )

    async def retired_owners(self, tokens: Collection[str]) -> dict[str, tuple[UUID, bool]]:
        """Of these codes the former ones: their visitor, and whether it `is_replaced`."""
        by_hash = {token_hash(token): token for token in tokens}
        if not by_hash:
            return {}
        found = await self.session.rows(
            select(
                RetiredQrCode.token_hash, RetiredQrCode.visitor_id, RetiredQrCode.is_replaced
            ).where(RetiredQrCode.token_hash == any_(literal(list(by_hash), ARRAY(LargeBinary))))
        )
        return {by_hash[hash_]: (owner, is_replaced) for hash_, owner, is_replaced in found}
