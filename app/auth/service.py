"""Signing in, staying signed in, signing out."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.auth.errors import InvalidCredentials, InvalidRefreshToken, TokenReused
from app.auth.models import AuthSession, RefreshToken
from app.auth.repository import AuthSessionRepository, RefreshTokenRepository
from app.auth.sign_in_limits import SignInLimits
from app.core.database import Database, WriteSession
from app.core.keys import KeyRing
from app.core.passwords import PasswordHasher
from app.core.tokens import Claims, InvalidToken, TokenSigner
from app.users.models import User
from app.users.repository import UserReader, UserRepository


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens last."""

    access: timedelta
    refresh: timedelta


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets when it signs in; `expires_in` in seconds."""

    access: str
    refresh: str
    expires_in: int


class Tokens:
    """Makes and reads the tokens of people."""

    def __init__(self, ring: KeyRing, lifetimes: Lifetimes) -> None:
        self.lifetimes = lifetimes
        self.access = TokenSigner(ring, "access")
        self.refresh = TokenSigner(ring, "refresh")

    def issue(self, unit: WriteSession, session: AuthSession, now: datetime) -> TokenPair:
        """The next pair of a session; the refresh token is stored as its hash."""
        user_id, lifetimes = session.user_id, self.lifetimes
        access, _ = self.access.sign(
            user_id, session=session.id, now=now, lifetime=lifetimes.access
        )
        refresh, claims = self.refresh.sign(
            user_id, session=session.id, now=now, lifetime=lifetimes.refresh
        )
        RefreshTokenRepository(unit).add(_stored(refresh, claims, session.id, now))
        return TokenPair(access, refresh, int(lifetimes.access.total_seconds()))


def _stored(token: str, claims: Claims, session_id: UUID, now: datetime) -> RefreshToken:
    return RefreshToken(
        id=claims.id,
        session_id=session_id,
        token_hash=_hash(token),
        expires_at=claims.expires_at,
        created_at=now,
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def check_password(
    database: Database, hasher: PasswordHasher, limits: SignInLimits, email: str, password: str
) -> User:
    """The account of these credentials. No connection is held while bcrypt works."""
    await limits.admit(email)
    async with database.read() as session:
        user = await UserReader(session).by_email(email)
    usable = user is not None and user.is_active
    fits = await hasher.verify(password, user.password_hash if user and usable else None)
    if user is None or not fits:
        await limits.failed(email)
        raise InvalidCredentials
    await limits.passed(email)
    return user


async def begin_session(unit: WriteSession, tokens: Tokens, user: User, now: datetime) -> TokenPair:
    """A new sign-in of this user.

    The account is locked and seen again: had the password been reset while the old one was being
    checked, this session would outlive the reset.
    """
    if await UserRepository(unit).lock_as_seen(user) is None:
        raise InvalidCredentials
    session = AuthSessionRepository(unit).add(
        AuthSession(
            user_id=user.id,
            created_at=now,
            expires_at=now + tokens.lifetimes.refresh,
            revoked_at=None,
        )
    )
    await unit.flush()  # the refresh token refers to the row
    return tokens.issue(unit, session, now)


async def rotate(
    unit: WriteSession, tokens: Tokens, token: str, now: datetime
) -> TokenPair | TokenReused:
    """The next pair for a refresh token that is used for the first time.

    A token that comes again was stolen, or its successor was: the session ends for both. That is
    handed back instead of raised, so that the end of the session is committed.
    """
    refreshes, sessions = RefreshTokenRepository(unit), AuthSessionRepository(unit)
    session = await sessions.lock_live(_claims(tokens, token, now).session, now)
    stored = await refreshes.by_hash(_hash(token))
    if session is None or stored is None or stored.session_id != session.id:
        raise InvalidRefreshToken
    if stored.used_at is not None:
        session.revoked_at = now
        return TokenReused()
    stored.used_at = now
    session.expires_at = now + tokens.lifetimes.refresh
    return tokens.issue(unit, session, now)


async def end_session(unit: WriteSession, tokens: Tokens, token: str, now: datetime) -> None:
    """Sign out: the session of this refresh token ends; an ended one stays ended."""
    session = await AuthSessionRepository(unit).lock_live(_claims(tokens, token, now).session, now)
    if session is not None:
        session.revoked_at = now


def _claims(tokens: Tokens, token: str, now: datetime) -> Claims:
    try:
        return tokens.refresh.read(token, now=now)
    except InvalidToken:
        raise InvalidRefreshToken from None
