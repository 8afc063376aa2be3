"""SQL of sign-ins and of mailed links."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
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
from sqlalchemy.dialects.postgresql import insert

from app.auth.caller import Caller, CallerRole
from app.auth.models import (
    AccountLink,
    AuthSession,
    FormerAccountLink,
    LinkPurpose,
    RefreshToken,
    SignInNetwork,
)
from app.core.db.direct import Journeys
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Prepared
from app.core.db.repository import ReadRepository, Repository
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.text import account_key
from app.users.models import User, full_name

# How long an account is known where it was signed in.
KNOWN_FOR = timedelta(days=30)
NEWEST_FIRST = Ordering("sessions", (AuthSession.id,), descending=True)

_LIVE = Prepared(
    select(
        User.role,
        User.first_name,
        User.last_name,
        User.email,
        func.coalesce(AuthSession.confirmed_at, AuthSession.created_at),
    )
    .join(AuthSession, AuthSession.user_id == User.id)
    .where(
        AuthSession.id == bindparam("session_id"),
        AuthSession.revoked_at.is_(None),
        User.id == bindparam("user_id"),
        User.is_active,
    )
)


async def live_caller(journeys: Journeys, session_id: UUID, user_id: UUID) -> Caller | None:
    """The active person of a session that was not revoked; asked by every request."""
    found = await journeys.row(_LIVE, session_id=session_id, user_id=user_id)
    if found is None:
        return None
    role, first_name, last_name, email, confirmed_at = found
    return Caller(
        CallerRole(role),
        user_id,
        full_name(first_name, last_name),
        email,
        session_id=session_id,
        confirmed_at=confirmed_at,
    )


class AuthSessionReader(ReadRepository[AuthSession]):
    """Looks sign-ins up."""

    model = AuthSession

    async def page_of(
        self, user_id: UUID, now: datetime, page: PageRequest
    ) -> tuple[list[AuthSession], str | None, int | None]:
        """The sessions of a user that have not ended, the newest first."""
        statement = self.statement().where(
            AuthSession.user_id == user_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
        )
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class AuthSessionRepository(AuthSessionReader, Repository[AuthSession]):
    """Begins and ends sign-ins."""

    async def lock_live(self, session_id: UUID, now: datetime) -> AuthSession | None:
        """A session of an active user that was not revoked and has not run out."""
        return await self.lock(
            AuthSession.id == session_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > now,
            exists().where(User.id == AuthSession.user_id, User.is_active),
        )

    async def revoke_all(self, user_id: UUID, now: datetime, *, but: UUID | None = None) -> None:
        """End the sessions of a user, `but` the one that asks for it."""
        others = [] if but is None else [AuthSession.id != but]
        await self.unit.write(
            update(AuthSession)
            .where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None), *others)
            .values(revoked_at=now)
        )

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete sessions that are over, and with them their refresh tokens; says how many."""
        over = (
            select(AuthSession.id)
            .where(or_(AuthSession.expires_at <= now, AuthSession.revoked_at.is_not(None)))
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(delete(AuthSession).where(AuthSession.id.in_(over)))
        return result.rowcount


class SignInNetworkReader(ReadRepository[SignInNetwork]):
    """Looks up from where people sign in."""

    model = SignInNetwork

    async def account(self, email: str, network: str, now: datetime) -> tuple[User | None, bool]:
        """The account of an address, and whether it was signed in from this network of late.

        What belongs to no session, and costs little: a flood asks it with each guess.
        """
        since = now - KNOWN_FOR
        row = await self.session.row(
            _ACCOUNT, email_key=account_key(email), network=network, since=since
        )
        if row is None:
            return None, False
        known, *values = tuple(row)
        return plain_copy(User, values), known

    async def knows(self, user_id: UUID, network: str, now: datetime) -> bool:
        """Whether an account was signed in from this network of late."""
        found = await self.session.scalar(
            select(_used(network, now - KNOWN_FOR)).where(User.id == user_id)
        )
        return bool(found)

    async def networks(self, user_id: UUID, now: datetime) -> Sequence[str]:
        """Every network from which an account was signed in of late."""
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


_ACCOUNT = Prepared(
    select(
        _used(bindparam("network"), bindparam("since", type_=DateTime(timezone=True))),
        *stored_columns(User),
    ).where(User.email_key == bindparam("email_key"))
)


class SignInNetworkRepository(SignInNetworkReader, Repository[SignInNetwork]):
    """Keeps from where people sign in."""

    async def note(self, user_id: UUID, network: str, now: datetime) -> None:
        """Keep that the account is signed in from there now, unless it is just being deleted.

        Whoever deletes it waits for the session that its owner is refreshing: to wait for them in
        turn would be a deadlock.
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
        """Delete those that are not known any more; says how many."""
        old = (
            select(SignInNetwork.id)
            .where(SignInNetwork.last_used_at <= now - KNOWN_FOR)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(delete(SignInNetwork).where(SignInNetwork.id.in_(old)))
        return result.rowcount


class RefreshTokenRepository(Repository[RefreshToken]):
    """Refresh tokens by their hash."""

    model = RefreshToken

    async def by_hash(self, token_hash: bytes) -> RefreshToken | None:
        return await self.lock(RefreshToken.token_hash == token_hash)

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired tokens; says how many.

        A used one stays until it expires: its second use must still be known as one.
        """
        expired = select(RefreshToken.id).where(RefreshToken.expires_at <= now).limit(at_most)
        result = await self.unit.write(delete(RefreshToken).where(RefreshToken.id.in_(expired)))
        return result.rowcount


class AccountLinkReader(ReadRepository[AccountLink]):
    """Looks mailed links up."""

    model = AccountLink

    async def owner(self, purpose: LinkPurpose, token_hash: bytes, now: datetime) -> User | None:
        """The account that a link is for, while the link can be used."""
        return await self.session.scalar(
            select(User)
            .join(AccountLink, AccountLink.user_id == User.id)
            .where(AccountLink.purpose == purpose, AccountLink.id.in_(_links(token_hash, now)))
        )


def _links(token_hash: bytes, now: datetime) -> CompoundSelect[tuple[UUID]]:
    """The link of a token that is good still, the newest one or one before it."""
    newest = select(AccountLink.id).where(
        AccountLink.token_hash == token_hash, AccountLink.expires_at > now
    )
    former = select(FormerAccountLink.link_id).where(
        FormerAccountLink.token_hash == token_hash, FormerAccountLink.expires_at > now
    )
    return union_all(newest, former)


class AccountLinkRepository(AccountLinkReader, Repository[AccountLink]):
    """Makes and uses mailed links."""

    async def store(
        self,
        user_id: UUID,
        purpose: LinkPurpose,
        token_hash: bytes,
        now: datetime,
        *,
        until: datetime,
    ) -> None:
        """Store a link of a locked account; those before it stay good until they expire."""
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
        """Delete a link and those beside it; return whether it was there.

        Of any number of requests at once one is told so.
        """
        result = await self.unit.write(
            delete(AccountLink).where(
                AccountLink.user_id == user_id, AccountLink.id.in_(_links(token_hash, now))
            )
        )
        return bool(result.rowcount)

    async def drop_all(self, user_id: UUID) -> None:
        """End every link of an account."""
        await self.unit.write(delete(AccountLink).where(AccountLink.user_id == user_id))

    async def purge(self, now: datetime) -> int:
        """Delete expired links; says how many."""
        total = 0
        for links in (FormerAccountLink, AccountLink):
            expired = delete(links).where(links.expires_at <= now)
            total += (await self.unit.write(expired)).rowcount
        return total
