"""SQL of sessions, networks and mailed links."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import aliased

from app.auth.caller import Caller, CallerRole
from app.auth.factor_repository import has_factor
from app.auth.models import (
    AccountLink,
    AuthSession,
    FormerAccountLink,
    LinkPurpose,
    RefreshToken,
    SignInNetwork,
)
from app.core.db.database import ReadSession
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.text import account_key
from app.users.models import Delegate, User, full_name
from app.users.roles import may_represent

# A network is known to an account for this long after a sign-in.
KNOWN_FOR = timedelta(days=30)
NEWEST_FIRST = Ordering("sessions", (AuthSession.id,), descending=True)

# An account that sees some sites gives nobody the others.
_represented = aliased(User)
_LIVE = Query(
    select(
        User.role,
        User.first_name,
        User.last_name,
        User.email,
        User.sites,
        func.array(
            select(Delegate.host_id)
            .join(_represented, _represented.id == Delegate.host_id)
            .where(Delegate.delegate_id == User.id, _represented.sites.is_(None))
            .scalar_subquery(),
            type_=ARRAY(Uuid()),
        ),
        func.coalesce(AuthSession.confirmed_at, AuthSession.created_at),
        or_(AuthSession.has_directory_factor, has_factor(User.id)),
        AuthSession.by_directory,
    )
    .join(AuthSession, AuthSession.user_id == User.id)
    .where(
        AuthSession.id == bindparam("session_id"),
        AuthSession.revoked_at.is_(None),
        User.id == bindparam("user_id"),
        User.is_active,
    )
)


async def live_caller(session: ReadSession, session_id: UUID, user_id: UUID) -> Caller | None:
    """Return the active user of a live session; runs on every request."""
    found = await session.row(_LIVE, session_id=session_id, user_id=user_id)
    if found is None:
        return None
    (
        role,
        first_name,
        last_name,
        email,
        sites,
        acts_for,
        confirmed_at,
        holds_factor,
        by_directory,
    ) = found
    return Caller(
        CallerRole(role),
        user_id,
        full_name(first_name, last_name),
        email,
        session_id=session_id,
        confirmed_at=confirmed_at,
        has_factor=holds_factor,
        by_directory=by_directory,
        sites=None if sites is None else frozenset(sites),
        acts_for=frozenset(acts_for) if may_represent(role) else frozenset(),
    )


class AuthSessionReader(ReadRepository[AuthSession]):
    model = AuthSession

    async def page_of(
        self, user_id: UUID, now: datetime, page: PageRequest
    ) -> tuple[list[AuthSession], str | None, int | None]:
        statement = self.statement().where(
            AuthSession.user_id == user_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
        )
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class AuthSessionRepository(AuthSessionReader, Repository[AuthSession]):
    async def lock_live(self, session_id: UUID, now: datetime) -> AuthSession | None:
        return await self.lock(
            AuthSession.id == session_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
            exists().where(User.id == AuthSession.user_id, User.is_active),
        )

    async def revoke_all(
        self,
        user_id: UUID,
        now: datetime,
        *,
        but: UUID | None = None,
        by_directory: bool = False,
        without_factor: bool = False,
    ) -> None:
        """End the user's sessions, except `but`.

        Or only those that began at the directory, or for which it checked no second factor.
        """
        others = [] if but is None else [AuthSession.id != but]
        if by_directory:
            others.append(AuthSession.by_directory.is_(True))
        if without_factor:
            others.append(AuthSession.has_directory_factor.is_(False))
        await self.unit.write(
            update(AuthSession)
            .where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None), *others)
            .values(revoked_at=now)
        )

    async def purge(self, now: datetime, *, at_most: int) -> int:
        over = (
            select(AuthSession.id)
            .where(or_(AuthSession.expires_at <= now, AuthSession.revoked_at.is_not(None)))
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(delete(AuthSession).where(AuthSession.id.in_(over)))
        return result.rowcount


class SignInNetworkReader(ReadRepository[SignInNetwork]):
    model = SignInNetwork

    async def account(self, email: str, network: str, now: datetime) -> tuple[User | None, bool]:
        """Return the account of an address, and whether it knows this network."""
        since = now - KNOWN_FOR
        row = await self.session.row(
            _ACCOUNT, email_key=account_key(email), network=network, since=since
        )
        if row is None:
            return None, False
        known, *values = tuple(row)
        return plain_copy(User, values), known

    async def knows(self, user_id: UUID, network: str, now: datetime) -> bool:
        """Return whether the account recently signed in from this network."""
        found = await self.session.scalar(
            select(_used(network, now - KNOWN_FOR)).where(User.id == user_id)
        )
        return bool(found)

    async def networks(self, user_id: UUID, now: datetime) -> Sequence[str]:
        """Return the networks that the account recently signed in from."""
        found = await self.session.scalars(
            select(SignInNetwork.network).where(
                SignInNetwork.user_id == user_id, SignInNetwork.last_used_at > now - KNOWN_FOR
            )
        )
        return found.all()


def _used(network: Any, since: Any) -> ColumnElement[bool]:
    return exists().where(
        SignInNetwork.user_id == User.id,
        SignInNetwork.network == network,
        SignInNetwork.last_used_at > since,
    )


_ACCOUNT = Query(
    select(
        _used(bindparam("network"), bindparam("since", type_=DateTime(timezone=True))),
        *stored_columns(User),
    ).where(User.email_key == bindparam("email_key"))
)


class SignInNetworkRepository(SignInNetworkReader, Repository[SignInNetwork]):
    async def note(self, user_id: UUID, network: str, now: datetime) -> None:
        """Record a sign-in, unless the account is being deleted.

        Waiting for the deletion, which waits for the session, would be a deadlock.
        """
        values = {"id": new_id(), "network": network, "created_at": now, "last_used_at": now}
        row = select(User.id, *(literal(value) for value in values.values()))
        there = row.where(User.id == user_id).with_for_update(
            read=True, key_share=True, skip_locked=True
        )
        new = insert(SignInNetwork).from_select(["user_id", *values], there)
        key = ["user_id", "network"]
        await self.unit.write(
            new.on_conflict_do_update(index_elements=key, set_={"last_used_at": now})
        )

    async def purge(self, now: datetime, *, at_most: int) -> int:
        old = (
            select(SignInNetwork.id)
            .where(SignInNetwork.last_used_at <= now - KNOWN_FOR)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(delete(SignInNetwork).where(SignInNetwork.id.in_(old)))
        return result.rowcount


class RefreshTokenRepository(Repository[RefreshToken]):
    model = RefreshToken

    async def by_hash(self, token_hash: bytes) -> RefreshToken | None:
        return await self.lock(RefreshToken.token_hash == token_hash)

    async def spend_all(self, session_id: UUID, now: datetime) -> None:
        """Mark the tokens of a locked session as used, so that showing one again ends it."""
        unused = (RefreshToken.session_id == session_id, RefreshToken.used_at.is_(None))
        await self.unit.write(update(RefreshToken).where(*unused).values(used_at=now))

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired tokens; used ones are kept until then, to detect reuse."""
        expired = select(RefreshToken.id).where(RefreshToken.expires_at <= now).limit(at_most)
        result = await self.unit.write(delete(RefreshToken).where(RefreshToken.id.in_(expired)))
        return result.rowcount


class AccountLinkReader(ReadRepository[AccountLink]):
    model = AccountLink

    async def owner(self, purpose: LinkPurpose, token_hash: bytes, now: datetime) -> User | None:
        return await self.session.scalar(
            select(User)
            .join(AccountLink, AccountLink.user_id == User.id)
            .where(AccountLink.purpose == purpose, AccountLink.id.in_(_links(token_hash, now)))
        )


def _links(token_hash: bytes, now: datetime) -> CompoundSelect[tuple[UUID]]:
    """Select the valid link of a token, newest or former."""
    newest = select(AccountLink.id).where(
        AccountLink.token_hash == token_hash, AccountLink.expires_at > now
    )
    former = select(FormerAccountLink.link_id).where(
        FormerAccountLink.token_hash == token_hash, FormerAccountLink.expires_at > now
    )
    return union_all(newest, former)


class AccountLinkRepository(AccountLinkReader, Repository[AccountLink]):
    async def store(
        self,
        user_id: UUID,
        purpose: LinkPurpose,
        token_hash: bytes,
        now: datetime,
        *,
        until: datetime,
    ) -> None:
        """Store a link of a locked account; earlier links stay valid."""
        values = {"token_hash": token_hash, "expires_at": until}
        key = {"user_id": user_id, "purpose": purpose}
        former = select(
            literal(new_id()),
            literal(now),
            AccountLink.id,
            AccountLink.token_hash,
            AccountLink.expires_at,
        ).filter_by(**key)
        await self.unit.write(
            insert(FormerAccountLink).from_select(
                ["id", "created_at", "link_id", "token_hash", "expires_at"],
                former.where(AccountLink.expires_at > now),
            )
        )
        new = insert(AccountLink).values(id=new_id(), created_at=now, **key, **values)
        await self.unit.write(new.on_conflict_do_update(index_elements=list(key), set_=values))

    async def use_up(self, user_id: UUID, token_hash: bytes, now: datetime) -> bool:
        """Delete a link and the others of its purpose; return whether it existed.

        Only one of concurrent requests gets True.
        """
        result = await self.unit.write(
            delete(AccountLink).where(
                AccountLink.user_id == user_id, AccountLink.id.in_(_links(token_hash, now))
            )
        )
        return bool(result.rowcount)

    async def drop_all(self, user_id: UUID) -> None:
        await self.unit.write(delete(AccountLink).where(AccountLink.user_id == user_id))

    async def purge(self, now: datetime) -> int:
        total = 0
        for links in (FormerAccountLink, AccountLink):
            expired = delete(links).where(links.expires_at <= now)
            total += (await self.unit.write(expired)).rowcount
        return total
