from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    case,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from app.auth.caller import Caller
from app.core.db.personal import erasures
from app.core.db.plain import stored_columns
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.db.update_many import update_many
from app.core.security.qr_token import token_hash
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from app.sites.models import Site
from app.slots.models import Slot
from app.slots.rules import ONE_DAY, WallTime, shift_ends
from app.slots.seat_repository import is_slot
from app.visitors.arrival import is_over_time
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import RetiredQrCode, Visitor, VisitorStatus
from app.visitors.stay_models import Stay

REVISED = ("id", "revision", "updated_at")
PASSAGE = (
    *("id", "status", "checked_in_at", "checked_in_gate", "checked_out_at"),
    *("checked_out_automatically", "is_away", "updated_at"),
)

ABOUT_MOVE = (NotificationKind.visitor_rescheduled, NotificationKind.host_rescheduled)
COPIED = stored_columns(Visitor)
# A parameter could not use the partial index.
IS_INSIDE = (
    Visitor.status == literal_column(f"'{VisitorStatus.VERIFIED}'"),
    Visitor.is_away.is_(False),
)
"""Selects visitors who are inside."""
IS_UNTOLD = and_(Stay.visitor_id == Visitor.id, Stay.out_at.is_(None), Stay.overdue_at.is_(None))
"""Selects the open stay of a visitor, unless it is known to be overdue."""


def visible_to(caller: Caller) -> list[ColumnElement[bool]]:
    """Hosts see the visitors that they receive; the others those of their sites."""
    return caller.scope.of_visits(Visitor.site_id, Visitor.host_id)


def present_at(site_id: UUID) -> list[ColumnElement[bool]]:
    """Select visitors who are inside or away at a site."""
    # A parameter could not use the partial index.
    is_verified = Visitor.status == literal_column(f"'{VisitorStatus.VERIFIED}'")
    return [Visitor.site_id == site_id, is_verified]


def ahead_at(site_id: UUID, today: date) -> list[ColumnElement[bool]]:
    """Select pending visits of a site from today on."""
    return [
        Visitor.site_id == site_id,
        Visitor.status == VisitorStatus.PENDING,
        Visitor.visit_date >= today,
    ]


def upcoming_of(host_id: UUID, scope: Scope) -> list[ColumnElement[bool]]:
    """Pending visits of an account at the sites in scope."""
    is_theirs = [Visitor.host_id == host_id, Visitor.status == VisitorStatus.PENDING]
    return [*is_theirs, *scope.of_sites(Visitor.site_id)]


def _pending_between(
    site_id: UUID, first: WallTime, end: WallTime
) -> tuple[ColumnElement[bool], ...]:
    at = tuple_(Visitor.visit_date, Visitor.visit_time)
    return (
        Visitor.site_id == site_id,
        Visitor.status == VisitorStatus.PENDING,
        Visitor.visit_date.between(first[0], end[0]),  # lets the planner use the index
        at >= first,
        at < end,
    )


class VisitorReader(ReadRepository[Visitor]):
    model = Visitor

    def statement(self) -> Select[Visitor]:
        return select(Visitor).options(
            joinedload(Visitor.site), joinedload(Visitor.department), joinedload(Visitor.group)
        )

    async def visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.session.scalar(
            self.statement().where(Visitor.id == visitor_id, *visible_to(caller))
        )

    async def visible_ones(self, visitor_ids: Collection[UUID], caller: Caller) -> list[Visitor]:
        """Return those of some visitors whom the caller sees."""
        found = await self.session.scalars(
            self.statement().where(Visitor.id.in_(visitor_ids), *visible_to(caller))
        )
        return list(found)

    async def overdue(
        self, now: datetime, site_id: UUID | None = None, *, untold: bool = False
    ) -> list[UUID]:
        """Return who is inside after the planned end.

        With `untold` only those of whom no event has told. Few visitors are inside. PostgreSQL's
        time zones are not those of the rest, so that the end is computed here.
        """
        of_site = [] if site_id is None else [Visitor.site_id == site_id]
        visit = (Visitor.id, Visitor.visit_date, Visitor.visit_time, Visitor.duration_minutes)
        inside = select(*visit, Site.timezone).join(Site).where(*IS_INSIDE, *of_site)
        found = await self.session.rows(inside.join(Stay, IS_UNTOLD) if untold else inside)
        return [row.id for row in found if is_over_time(row, row.timezone, now)]

    async def count_present(self, site_id: UUID) -> int:
        """Count those who are inside or away at a site."""
        counted = select(func.count()).select_from(Visitor).where(*present_at(site_id))
        return await self.session.scalar(counted) or 0

    async def by_codes(self, tokens: Collection[str], scope: Scope) -> dict[str, Visitor]:
        """Return the visitors in scope whose current codes these are."""
        found = await self.session.scalars(
            select(Visitor).where(
                Visitor.qr_code == any_(literal(list(tokens), ARRAY(Text))),
                *scope.of_sites(Visitor.site_id),
            )
        )
        return {visitor.qr_code: visitor for visitor in found}

    async def count_ahead(self, site_id: UUID, today: date) -> int:
        counted = select(func.count()).select_from(Visitor).where(*ahead_at(site_id, today))
        return await self.session.scalar(counted) or 0

    async def ids_ahead(
        self, site_id: UUID, today: date, after: UUID, before: UUID, *, at_most: int
    ) -> Sequence[UUID]:
        """Return the first ids of upcoming visits between two others, both exclusive."""
        found = await self.session.scalars(
            select(Visitor.id)
            .where(*ahead_at(site_id, today), Visitor.id > after, Visitor.id < before)
            .order_by(Visitor.id)
            .limit(at_most)
        )
        return found.all()

    async def last_moves(self, visitor_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return the id of the last mail about a move, by visitor."""
        found = await self.session.rows(
            select(Notification.visitor_id, Notification.id)
            .where(
                Notification.visitor_id.in_(visitor_ids),
                # One of both may have no address.
                Notification.kind.in_(ABOUT_MOVE),
            )
            .order_by(Notification.id)
        )
        return {visitor_id: id_ for visitor_id, id_ in found if visitor_id is not None}

    async def is_registered_already(self, visitor: Visitor) -> bool:
        """Return whether the address has an open self-registered visit in that hour."""
        if visitor.self_registration_key is None:
            return False
        return await self.exists(
            Visitor.self_registration_key == visitor.self_registration_key,
            Visitor.status.in_(HOLDS_SEAT),
            Visitor.slot_id == Slot.id,
            is_slot(*visitor.slot_key),
        )

    async def booked_by_shift(self, site: Site, days: Collection[date]) -> dict[date, int]:
        """Count the held seats of a site by the day of their shift."""
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
    async def lock_pending_between(
        self, site_id: UUID, first: WallTime, end: WallTime, *, skip_locked: bool = False
    ) -> Sequence[Visitor]:
        """Lock the pending visits between two local times, ordered by id."""
        found = await self.session.scalars(
            select(Visitor)
            .where(*_pending_between(site_id, first, end))
            .order_by(Visitor.id)
            .with_for_update(skip_locked=skip_locked)
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def count_pending_between(self, site_id: UUID, first: WallTime, end: WallTime) -> int:
        counted = select(func.count(Visitor.id)).where(*_pending_between(site_id, first, end))
        return await self.session.scalar(counted) or 0

    async def lock_visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.lock(Visitor.id == visitor_id, *visible_to(caller))

    async def lock_by_code(self, token: str) -> Visitor | None:
        return await self.lock(Visitor.qr_code == token)

    async def lock_by_codes(self, tokens: Collection[str]) -> list[Visitor]:
        """Lock the visitors of many codes, ordered by id; return untracked copies.

        `FOR NO KEY UPDATE` permits rows that refer to them, which avoids deadlocks.
        """
        return await self._lock_copies(Visitor.qr_code == any_(literal(list(tokens), ARRAY(Text))))

    async def lock_present(self, site_id: UUID) -> list[Visitor]:
        """Lock everybody who is inside or away at a site, as `lock_by_codes` does."""
        return await self._lock_copies(*present_at(site_id))

    async def lock_by_ids(self, ids: Collection[UUID]) -> list[Visitor]:
        """Lock visitors as `lock_by_codes` does."""
        return await self._lock_copies(Visitor.id == any_(literal(list(ids), ARRAY(Uuid))))

    async def lock_ahead(self, site_id: UUID, today: date, ids: Collection[UUID]) -> list[Visitor]:
        """Lock the visits that are still upcoming, as `lock_by_codes` does."""
        return await self._lock_copies(*ahead_at(site_id, today), Visitor.id.in_(ids))

    async def _lock_copies(self, *conditions: ColumnElement[bool]) -> list[Visitor]:
        found = await self.unit.rows(
            select(*COPIED).where(*conditions).order_by(Visitor.id).with_for_update(key_share=True)
        )
        return [Visitor(**row) for row in found.mappings()]

    async def lock_upcoming(self, host_id: UUID, scope: Scope) -> Sequence[Visitor]:
        """Lock the visits in scope that lie ahead of an account, in the order of their ids."""
        found = await self.session.scalars(
            select(Visitor)
            .where(*upcoming_of(host_id, scope))
            .order_by(Visitor.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def save_revisions(self, visitors: Iterable[Visitor]) -> None:
        rows = [{name: getattr(visitor, name) for name in REVISED} for visitor in visitors]
        await update_many(self.unit, Visitor, rows)

    async def save_passages(self, visitors: Iterable[Visitor]) -> None:
        rows = [{name: getattr(visitor, name) for name in PASSAGE} for visitor in visitors]
        await update_many(self.unit, Visitor, rows)

    async def erase_elsewhere(self, visitor_ids: Collection[UUID]) -> None:
        """Erase the personal data of visitors in the tables that name them."""
        for statement in erasures("visitor_id", visitor_ids):
            await self.unit.write(statement)

    async def with_relations(self, visitor: Visitor) -> Visitor:
        """Return the row with site and department, which a lock does not load."""
        await self.unit.flush()
        found = await self.session.scalar(
            self.statement()
            .where(Visitor.id == visitor.id)
            .execution_options(populate_existing=True)
        )
        if found is None:
            raise LookupError("a locked visitor cannot vanish")
        return found

    def retire_code(self, visitor: Visitor, now: datetime) -> None:
        self.unit.add(
            RetiredQrCode(
                token_hash=token_hash(visitor.qr_code), visitor_id=visitor.id, retired_at=now
            )
        )

    async def note_replaced(self, visitor_id: UUID) -> None:
        """Have the gate refuse every former code of a visitor as replaced."""
        await self.unit.write(
            update(RetiredQrCode)
            .where(RetiredQrCode.visitor_id == visitor_id, ~RetiredQrCode.is_replaced)
            .values(is_replaced=True)
            .execution_options(synchronize_session=False)
        )

    async def retired_owners(
        self, tokens: Collection[str], scope: Scope
    ) -> dict[str, tuple[Visitor, bool]]:
        """Return the visitor of each former code in scope, and whether it `is_replaced`."""
        by_hash = {token_hash(token): token for token in tokens}
        if not by_hash:
            return {}
        found = await self.session.rows(
            select(RetiredQrCode.token_hash, Visitor, RetiredQrCode.is_replaced)
            .join(Visitor, Visitor.id == RetiredQrCode.visitor_id)
            .where(
                RetiredQrCode.token_hash == any_(literal(list(by_hash), ARRAY(LargeBinary))),
                *scope.of_sites(Visitor.site_id),
            )
        )
        return {by_hash[hash_]: (owner, is_replaced) for hash_, owner, is_replaced in found}
