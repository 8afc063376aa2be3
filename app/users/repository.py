"""SQL of accounts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    String,
    Uuid,
    and_,
    column,
    delete,
    func,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR, insert

from app.audit.models import VISITOR
from app.audit.repository import Actor
from app.core.db.repository import ReadRepository, Repository, refusals
from app.core.db.scope import EVERYTHING, Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.security.passwords import NO_PASSWORD
from app.core.text import account_key, is_same_mailbox
from app.events.kinds import EventType
from app.events.outbox import emit
from app.users.errors import EmailTaken, NameLooksTaken, UnknownSites
from app.users.lookalikes import looks_like
from app.users.models import SEARCH, Role, User, full_name

NEWEST_FIRST = Ordering("users", (User.id,), descending=True)

# `visitors` is a higher package, but its rows change in the same transaction as the account.
_visitors = table(
    "visitors",
    column("id", Uuid),
    column("status", String),
    column("site_id", Uuid),
    column("host_id", Uuid),
    column("host_name", String),
    column("host_email", String),
    column("host_closed", Boolean),
    column("updated_at", DateTime(timezone=True)),
)
_IS_AHEAD = _visitors.c.status == literal_column("'pending'", String)
_IS_OPEN = _visitors.c.status.in_(
    [literal_column(f"'{word}'", String) for word in ("pending", "verified")]
)
# Names of sites are refused as passwords.
_sites = table("sites", column("name", String))
_NAMES = func.hashtextextended("names of accounts", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    role: Role | None = None
    is_active: bool | None = None
    q: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.role is not None:
            found.append(User.role == self.role)
        if self.is_active is not None:
            found.append(User.is_active == self.is_active)
        if self.q:
            found.append(_begins(self.q))
        return found


def _begins(q: str) -> ColumnElement[bool]:
    """Match accounts whose name or address begins with `q`; Jürgen matches Juergen."""
    names = (User.first_name + " " + User.last_name, User.last_name)
    folds = (func.search_fold, func.search_fold_spelt_out)
    by_name = or_(*(func.starts_with(fold(name), fold(q)) for name in names for fold in folds))
    by_address = User.email_key.startswith(account_key(q), autoescape=True)
    return or_(and_(by_name, ~User.awaits_verification), by_address)


def _has_words(q: str, *, by_address: bool) -> Iterator[ColumnElement[bool]]:
    """Match beginnings of words, with or without accents; the index has those of addresses, too."""
    words = func.search_query(q, type_=TSQUERY)
    if q:
        yield literal_column(SEARCH, TSVECTOR).bool_op("@@")(words)
    if q and not by_address:
        names = func.search_words(User.first_name, "", User.last_name, "")
        yield func.array_to_tsvector(names, type_=TSVECTOR).bool_op("@@")(words)


def receives() -> ColumnElement[bool]:
    """Return the condition under which an account owns its address.

    Closed accounts do; unverified ones do not, since anyone can register them.
    """
    return or_(User.is_active, ~User.awaits_verification)


def _managed(roles: Collection[Role], scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions of accounts of some roles in scope: at none of the other sites.

    Hosts belong to no site.
    """
    of_roles: list[ColumnElement[bool]] = [User.role.in_(roles)]
    if scope.sites is None:
        return of_roles
    return [*of_roles, or_(User.role == Role.HOST, User.sites.contained_by(sorted(scope.sites)))]


class UserReader(ReadRepository[User]):
    model = User

    async def by_email(self, email: str) -> User | None:
        return await self.session.scalar(
            self.statement().where(User.email_key == account_key(email))
        )

    async def of_roles(
        self, user_id: UUID, roles: Collection[Role], scope: Scope = EVERYTHING
    ) -> User | None:
        """Return the account if it has one of the roles and is in scope."""
        return await self.session.scalar(
            self.statement().where(User.id == user_id, *_managed(roles, scope))
        )

    async def by_address(self, email: str) -> User | None:
        """Return the account that owns an address, possibly a closed one."""
        found = await self.session.scalar(
            self.statement().where(User.email_key == account_key(email), receives())
        )
        return found if found is not None and is_same_mailbox(found.email, email) else None

    async def active_hosts(
        self, q: str = "", *, at_most: int | None = None, by_address: bool = True
    ) -> Sequence[User]:
        """Return hosts of whom each word of `q` begins one of the name, or of the address."""
        found = await self.session.scalars(
            self.statement()
            .where(User.role == Role.HOST, User.is_active)
            .where(*_has_words(q, by_address=by_address))
            .order_by(User.first_name, User.last_name, User.id)
            .limit(at_most)
        )
        return found.all()

    async def by_ids(self, ids: Collection[UUID]) -> Sequence[User]:
        """Return accounts by name; none costs no query."""
        if not ids:
            return []
        by_name = (User.first_name, User.last_name, User.id)
        return (
            await self.session.scalars(self.statement().where(User.id.in_(ids)).order_by(*by_name))
        ).all()

    async def names_of_sites(self) -> Sequence[str]:
        return (await self.session.scalars(select(_sites.c.name))).all()

    async def page(
        self, chosen: UserFilter, roles: Collection[Role], scope: Scope, page: PageRequest
    ) -> tuple[list[User], str | None, int | None]:
        """Return accounts in scope with these roles, newest first."""
        statement = self.statement().where(*_managed(roles, scope), *chosen.conditions())
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class UserRepository(UserReader, Repository[User]):
    async def save(self, user: User) -> User:
        """Write an account; raise `EmailTaken` or `UnknownSites`."""
        self.add(user)
        with refusals(
            {"uq_users_email_key": EmailTaken, "fk_user_sites_site_id_sites": UnknownSites}
        ):
            await self.unit.flush()
        return user

    async def add_unproven(
        self, email: str, first_name: str, last_name: str, now: datetime
    ) -> bool:
        """Add an unverified account; return whether the address was free."""
        row = {
            "id": new_id(),
            "email": email,
            "email_key": account_key(email),
            "first_name": first_name,
            "last_name": last_name,
            "role": Role.HOST,
            "password_hash": NO_PASSWORD,
            "is_active": False,
            "awaits_verification": True,
            "created_at": now,
            "updated_at": now,
        }
        added = insert(User).values(row).on_conflict_do_nothing(index_elements=["email_key"])
        return bool((await self.unit.write(added)).rowcount)

    async def lock_names(self) -> None:
        """Block other transactions that name or activate an account; take before any row lock."""
        await self.unit.scalar(select(func.pg_advisory_xact_lock(_NAMES)))

    async def refuse_lookalike(self, user: User) -> None:
        """Raise `NameLooksTaken` if an active account has a similar name; requires `lock_names`."""
        names = select(User.first_name, User.last_name).where(User.is_active, User.id != user.id)
        for first_name, last_name in (await self.unit.rows(names)).all():
            if looks_like(user.name, full_name(first_name, last_name)):
                raise NameLooksTaken

    async def purge_unproven(self, before: datetime, *, at_most: int) -> int:
        """Delete accounts requested before this and never verified."""
        old = (
            select(User.id)
            .where(User.awaits_verification, User.updated_at <= before)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return (await self.unit.write(delete(User).where(User.id.in_(old)))).rowcount

    async def lock_by_email(self, email: str) -> User | None:
        found = await self.lock(User.email_key == account_key(email), key_share=True)
        return found if found is not None and is_same_mailbox(found.email, email) else None

    async def drop_unproven_lookalike(self, email: str) -> None:
        """Delete an unverified account of another mailbox with the same key."""
        found = await self.lock(
            User.email_key == account_key(email), User.awaits_verification.is_(True)
        )
        if found is not None and not is_same_mailbox(found.email, email):
            await self.delete(found)
            await self.unit.flush()

    async def drop_unproven(self, email: str) -> None:
        """Delete the account of an address that nobody has proven."""
        found = await self.lock(
            User.email_key == account_key(email), User.awaits_verification.is_(True)
        )
        if found is not None:
            await self.delete(found)

    async def lock_as_seen(self, user: User) -> User | None:
        """Lock the account; return None if its access or password has changed."""
        return await self.lock(
            User.id == user.id,
            User.is_active.is_(True),
            User.password_hash == user.password_hash,
            key_share=True,
        )

    async def lock_active(self, user_id: UUID) -> User | None:
        return await self.lock(User.id == user_id, User.is_active.is_(True), key_share=True)

    async def lock_usable(self, user_id: UUID) -> User | None:
        """Lock the account if it can sign in, now or after verification."""
        return await self.lock(
            User.id == user_id, or_(User.is_active, User.awaits_verification), key_share=True
        )

    async def lock_of_roles(
        self, user_id: UUID, roles: Collection[Role], scope: Scope
    ) -> User | None:
        return await self.lock(User.id == user_id, *_managed(roles, scope), key_share=True)

    async def lock_superadmins(self) -> Sequence[UUID]:
        """Lock the active superadmins in the order of ids, so that one always remains."""
        found = await self.session.scalars(
            select(User)
            .where(User.role == Role.SUPERADMIN, User.is_active)
            .order_by(User.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        return [user.id for user in found]

    async def adopt_visitors(self, user: User, by: Actor, now: datetime) -> None:
        """Assign visitors with this host address and no account to the account.

        Only for verified addresses: others' visitors must not be revealed.
        """
        orphaned = (
            func.lower(_visitors.c.host_email) == func.lower(user.email),
            _visitors.c.host_id.is_(None),
        )
        values = {"host_id": user.id, "host_closed": False}
        await self._change_visits(orphaned, values, ["host_id"], by, now)

    async def carry_to_visits(self, user: User, by: Actor) -> None:
        """Copy name and address to the upcoming visits."""
        theirs = (_visitors.c.host_id == user.id, _IS_OPEN)
        await self._lock_visits(*theirs)
        values = {"host_name": user.name, "host_email": user.email, "updated_at": user.updated_at}
        fields = ["host_name", "host_email"]
        await self._change_visits(theirs, values, fields, by, user.updated_at)

    async def leave_visits(self, user: User, by: Actor, now: datetime) -> None:
        """Take the account that is deleted from its visits, whose mails go to the reception."""
        theirs = (_visitors.c.host_id == user.id, _IS_OPEN)
        await self._lock_visits(*theirs)
        values = {"host_id": None, "host_closed": True}
        await self._change_visits(theirs, values, ["host_id"], by, now)

    async def _change_visits(
        self,
        which: Iterable[ColumnElement[bool]],
        values: Mapping[str, Any],
        fields: Sequence[str],
        by: Actor,
        now: datetime,
    ) -> None:
        """Change visits, and tell those that are not over."""
        changed = await self.unit.returning(
            update(_visitors)
            .where(*which)
            .values(values)
            .returning(
                _visitors.c.id, _visitors.c.site_id, _visitors.c.host_id, _IS_OPEN.label("is_open")
            )
        )
        for visit in changed.mappings():
            if visit["is_open"]:
                about = {"site": visit["site_id"], "host": visit["host_id"], "by": by}
                type_ = EventType.VISIT_UPDATED
                emit(self.unit, type_, VISITOR, visit["id"], now, fields=fields, **about)

    async def count_upcoming(self, user_id: UUID, scope: Scope) -> int:
        """Return the number of the account's upcoming visits at sites in scope."""
        at_sites = scope.of_sites(_visitors.c.site_id)
        theirs = select(func.count()).where(_visitors.c.host_id == user_id, _IS_AHEAD, *at_sites)
        return await self.session.scalar(theirs) or 0

    async def has_open_visits_beyond(self, user_id: UUID, scope: Scope) -> bool:
        """Return whether the account has visits at sites out of scope that follow its address."""
        elsewhere = [~within for within in scope.of_sites(_visitors.c.site_id)]
        theirs = select(_visitors.c.id).where(_visitors.c.host_id == user_id, _IS_OPEN, *elsewhere)
        return await self.session.scalar(theirs.limit(1)) is not None

    async def _lock_visits(self, *which: ColumnElement[bool]) -> None:
        """Lock in the order of ids, as everywhere."""
        ordered = select(_visitors.c.id).where(*which).order_by(_visitors.c.id).with_for_update()
        await self.session.scalar(select(func.count()).select_from(ordered.subquery()))
