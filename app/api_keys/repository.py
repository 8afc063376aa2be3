"""SQL of API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, or_, select, update

from app.api_keys.models import ApiKey
from app.core.db.database import ReadSession
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository, refusals
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.users.errors import UnknownSites
from app.users.models import User
from app.users.roles import Role

BY_NAME = Ordering("api keys", (ApiKey.name, ApiKey.id), descending=False)
_REPLACED = (
    and_(
        ApiKey.previous_key_hash == bindparam("key_hash"),
        ApiKey.previous_key_until > bindparam("now"),
    ),
    and_(ApiKey.older_key_hash == bindparam("key_hash"), ApiKey.older_key_until > bindparam("now")),
)
_BY_KEY = Query(
    select(
        ApiKey.id,
        ApiKey.name,
        ApiKey.scopes,
        ApiKey.sites,
        ApiKey.allowed_networks,
        ApiKey.last_used_at,
        User.role,
        User.sites,
    )
    .join(User, User.id == ApiKey.maker_id)
    .where(
        or_(ApiKey.key_hash == bindparam("key_hash"), *_REPLACED),
        ApiKey.expires_at > bindparam("now"),
        User.is_active,
    )
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The key that makes a request, with what its maker may."""

    id: UUID
    name: str
    scopes: Sequence[str]
    sites: Sequence[UUID] | None
    allowed_networks: Sequence[str] | None
    last_used_at: datetime | None
    maker_role: Role
    maker_sites: Sequence[UUID] | None


async def known_key(session: ReadSession, key_hash: bytes, now: datetime) -> KnownKey | None:
    """Return the key of a current or still valid previous secret, unless it is disabled."""
    found = await session.row(_BY_KEY, key_hash=key_hash, now=now)
    if found is None:
        return None
    *facts, role, sites = found
    values: list[Any] = [*facts, Role(role), sites]
    return KnownKey(*values)


class ApiKeyReader(ReadRepository[ApiKey]):
    model = ApiKey

    async def page(
        self, scope: Scope, page: PageRequest
    ) -> tuple[list[ApiKey], str | None, int | None]:
        """Return the keys in scope by name."""
        statement = self.statement().where(*in_scope(scope))
        return await paginate(self.session, statement, BY_NAME, page)

    async def reached(self, key_id: UUID, scope: Scope) -> ApiKey | None:
        """Return a key that is in scope."""
        return await self.session.scalar(
            self.statement().where(ApiKey.id == key_id, *in_scope(scope))
        )

    async def makers(self, keys: Sequence[ApiKey]) -> dict[UUID, User]:
        """Return the accounts that made some keys, by id."""
        ids = {key.maker_id for key in keys}
        found = await self.session.scalars(select(User).where(User.id.in_(ids)))
        return {user.id: user for user in found.all()}

    async def expiring(self, after: datetime, until: datetime) -> Sequence[Row[str, datetime]]:
        """Return name and end of the usable keys that expire within a time, the next one first."""
        found = await self.session.rows(_expiring(after, until))
        return found.all()


def _expiring(after: datetime, until: datetime) -> Select[str, datetime]:
    return (
        select(ApiKey.name, ApiKey.expires_at)
        .join(User, User.id == ApiKey.maker_id)
        .where(User.is_active, ApiKey.expires_at > after, ApiKey.expires_at <= until)
        .order_by(ApiKey.expires_at)
    )


class ApiKeyRepository(ApiKeyReader, Repository[ApiKey]):
    async def save(self, key: ApiKey) -> ApiKey:
        """Store a key; raise `UnknownSites`."""
        self.add(key)
        with refusals({"fk_api_key_sites_site_id_sites": UnknownSites}):
            await self.unit.flush()
        return key

    async def note_used(
        self, key_id: UUID, now: datetime, every: timedelta, address: str | None
    ) -> None:
        """Set when and from where a key was used, at most once per `every`; wait for no lock."""
        due = (
            select(ApiKey.id)
            .where(
                ApiKey.id == key_id,
                or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - every),
            )
            .with_for_update(skip_locked=True, key_share=True)
        )
        await self.unit.write(
            update(ApiKey)
            .where(ApiKey.id.in_(due))
            .values(last_used_at=now, last_used_from=address)
            .execution_options(synchronize_session=False)
        )

    async def purge(self, before: datetime, *, at_most: int) -> int:
        """Delete keys that expired before an instant; return how many."""
        old = (
            select(ApiKey.id)
            .where(ApiKey.expires_at <= before)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(delete(ApiKey).where(ApiKey.id.in_(old)))
        return result.rowcount


def in_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions of keys that are at none of the other sites."""
    return [] if scope.sites is None else [ApiKey.sites.contained_by(sorted(scope.sites))]
