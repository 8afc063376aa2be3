"""SQL of groups: who sees which, and what their visitors are doing."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.repository import ReadRepository, Repository
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.groups.schemas import Numbers
from app.visitors.group_models import Group
from app.visitors.group_repository import holds_personal_data
from app.visitors.models import Presence, Visitor, presence_of
from app.visitors.repository import VisitorReader, visible_to

NEWEST_FIRST = Ordering("groups", (Group.created_at, Group.id), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilter:
    """Filters of a list of groups; None does not filter."""

    site: UUID | None = None
    visit_date: date | None = None
    q: str | None = None

    def conditions(self, caller: Caller) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.site is not None:
            found.append(Group.site_id == self.site)
        if self.visit_date is not None:
            comes = Visitor.visit_date == self.visit_date
            found.append(Group.id.in_(_groups_of(comes, *visible_to(caller))))
        if self.q is not None and self.q.strip():
            # The words of a name, as those of visitors are searched.
            words = func.array_to_tsvector(
                func.search_words(Group.name, "", "", ""), type_=TSVECTOR
            )
            found.append(words.bool_op("@@")(func.search_query(self.q, type_=TSQUERY)))
        return found


def seen_by(caller: Caller) -> list[ColumnElement[bool]]:
    """Return the condition of groups in scope.

    Users see groups of their sites, hosts those that they made, and callers who see visits of some
    hosts those with such a visitor.
    """
    scope = caller.scope
    if scope.sites is None and scope.hosts is None:
        return []
    hosts = (scope.hosts or frozenset()) | scope.besides
    reasons: list[ColumnElement[bool]] = [false()]
    if hosts:
        reasons.append(Group.id.in_(_groups_of(Visitor.host_id.in_(hosts))))
    if scope.hosts is not None:
        reasons.append(Group.created_by == caller.id)
    if scope.sites is not None:
        reasons.append(and_(*scope.of_sites(Group.site_id)))
    return [or_(*reasons)]


def _groups_of(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(Visitor.group_id).where(Visitor.group_id.is_not(None), *conditions)


class GroupReader(ReadRepository[Group]):
    model = Group

    async def seen(self, group_id: UUID, caller: Caller) -> Group | None:
        return await self.session.scalar(
            self.statement().where(Group.id == group_id, *seen_by(caller))
        )

    async def page(
        self, chosen: GroupFilter, caller: Caller, page: PageRequest
    ) -> tuple[Sequence[Group], str | None, int | None]:
        """Return the groups in scope, newest first."""
        statement = self.statement().where(*seen_by(caller), *chosen.conditions(caller))
        return await paginate(self.session, statement, NEWEST_FIRST, page)

    async def numbers(self, ids: Collection[UUID], caller: Caller) -> Mapping[UUID, Numbers]:
        """Count the visitors in scope by group and presence."""
        facts = (Visitor.group_id, Visitor.status, Visitor.is_away)
        found = await self.session.rows(
            select(*facts, func.count())
            .where(Visitor.group_id.in_(ids), *visible_to(caller))
            .group_by(*facts)
        )
        numbers: defaultdict[UUID, Counter[Presence | None]] = defaultdict(Counter)
        for group_id, status, is_away, number in found:
            if group_id is not None:
                numbers[group_id][presence_of(status, is_away=is_away)] += number
        return numbers


class GroupRepository(GroupReader, Repository[Group]):
    async def lock_seen(self, group_id: UUID, caller: Caller) -> Group | None:
        return await self.lock(Group.id == group_id, *seen_by(caller), key_share=True)

    async def is_erased(self, group_id: UUID) -> bool:
        """Return whether no visitor has personal data any more."""
        held = exists().where(Visitor.group_id == group_id, holds_personal_data())
        return not await self.session.scalar(select(held))


class MemberReader:
    """Queries the visitors of a group, in the order of registration."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def visible(self, group_id: UUID, caller: Caller) -> Sequence[Visitor]:
        found = await self.session.scalars(
            VisitorReader(self.session)
            .statement()
            .where(Visitor.group_id == group_id, *visible_to(caller))
            .order_by(Visitor.id)
        )
        return found.all()

    async def visible_ids(self, group_id: UUID, caller: Caller) -> Sequence[UUID]:
        found = await self.session.scalars(
            select(Visitor.id)
            .where(Visitor.group_id == group_id, *visible_to(caller))
            .order_by(Visitor.id)
        )
        return found.all()
