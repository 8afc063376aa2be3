"""Sign-in, refresh and sign-out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.auth.caller import Caller
from app.auth.errors import InvalidCredentials, InvalidRefreshToken, TokenReused
from app.auth.event_repository import AccountEventRepository, record_alone
from app.auth.models import AccountAction, AuthSession, RefreshToken
from app.auth.repository import (
    AuthSessionRepository,
    RefreshTokenRepository,
    SignInNetworkReader,
    SignInNetworkRepository,
)
from app.auth.sign_in_limits import SignInLimits
from app.core.db.database import Database, WriteSession
from app.core.errors import Unavailable
from app.core.request_context import client_network, current_client_address
from app.core.security.passwords import PasswordHasher
from app.core.security.random_secrets import stored_hash
from app.core.security.tokens import Claims, InvalidToken, SessionTokens
from app.users.models import User
from app.users.repository import UserRepository


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens; `expires_in` is in seconds."""

    access: str
    refresh: str
    expires_in: int


def issue(
    unit: WriteSession, tokens: SessionTokens, session: AuthSession, now: datetime
) -> TokenPair:
    """Return the next tokens, which do not outlive the session (OWASP ASVS 5, 7.3.2)."""
    left = _end_of(session, tokens) - now
    lives = min(tokens.lifetimes.access, left)
    access, _ = tokens.access.sign(session.user_id, session=session.id, now=now, lifetime=lives)
    refresh, claims = tokens.refresh.sign(
        session.user_id,
        session=session.id,
        now=now,
        lifetime=min(tokens.lifetimes.refresh, left),
    )
    session.expires_at = claims.expires_at
    RefreshTokenRepository(unit).add(_stored(refresh, claims, session.id, now))
    return TokenPair(access, refresh, int(lives.total_seconds()))


def _end_of(session: AuthSession, tokens: SessionTokens) -> datetime:
    """Return when a session ends, however often it is refreshed."""
    return session.created_at + tokens.lifetimes.longest(by_directory=session.by_directory)


def _stored(token: str, claims: Claims, session_id: UUID, now: datetime) -> RefreshToken:
    return RefreshToken(
        id=claims.id,
        session_id=session_id,
        token_hash=stored_hash(token),
        expires_at=claims.expires_at,
        created_at=now,
    )


async def check_password(
    database: Database, limits: SignInLimits, email: str, password: str, now: datetime
) -> User:
    """Return the account of valid credentials, holding no connection during bcrypt."""
    async with database.read() as session:
        user, known = await SignInNetworkReader(session).account(email, client_network(), now)
    failures = await limits.admit(email, known=known)
    hashed = user.password_hash if user and limits.lets_in(user) else None
    fits = await limits.fits(email, password, hashed, known=known, failures=failures)
    if user is None or not fits:
        # Also for unknown addresses, so that both take the same time.
        account = user.id if user else None
        await record_alone(database, now, AccountAction.SIGN_IN_FAILED, account)
        raise limits.refusal()
    if limits.hasher.is_outdated(user.password_hash):
        await _renew_hash(database, limits.hasher, user, password)
    return user


async def _renew_hash(
    database: Database, hasher: PasswordHasher, user: User, password: str
) -> None:
    """Store a hash at the current cost, unless the hasher is busy.

    A hash stored meanwhile must match the same password.
    """
    try:
        hashed = await hasher.hash(password, known=True)
    except Unavailable:
        return
    async with database.write() as unit:
        users = UserRepository(unit)
        if seen := await users.lock_as_seen(user):
            seen.password_hash = user.password_hash = hashed
            return
        present = await users.get(user.id)
    if present is None:
        return
    async with hasher.turn(known=True) as verify:
        if await verify(password, present.password_hash):
            user.password_hash = present.password_hash


async def begin_session(
    unit: WriteSession,
    tokens: SessionTokens,
    user: User,
    now: datetime,
    user_agent: str | None,
    *,
    by_directory: bool,
    has_directory_factor: bool,
    confirmed_at: datetime | None = None,
    **details: str,
) -> TokenPair:
    """Begin a session of a locked account, whose sign-in `SignIns` has completed."""
    session = AuthSessionRepository(unit).add(
        AuthSession(
            user_id=user.id,
            created_at=now,
            expires_at=now,  # set with the refresh token
            revoked_at=None,
            last_used_at=now,
            client_address=current_client_address(),
            user_agent=user_agent,
            by_directory=by_directory,
            has_directory_factor=has_directory_factor,
            confirmed_at=confirmed_at,
        )
    )
    await unit.flush()  # for the foreign key
    await SignInNetworkRepository(unit).note(user.id, client_network(), now)
    audit_log = AccountEventRepository(unit, now)
    audit_log.record(AccountAction.SIGNED_IN, user.id, by=user.id, user_agent=user_agent, **details)
    return issue(unit, tokens, session, now)


async def confirm_session(unit: WriteSession, user: User, caller: Caller, now: datetime) -> None:
    seen = await UserRepository(unit).lock_as_seen(user)
    sessions = AuthSessionRepository(unit)
    session = await sessions.lock_live(caller.session_id, now) if caller.session_id else None
    if seen is None or session is None:
        raise InvalidCredentials
    session.confirmed_at = now
    AccountEventRepository(unit, now).record(
        AccountAction.SIGNED_IN, user.id, by=user.id, confirmed=True
    )


async def rotate(
    unit: WriteSession, tokens: SessionTokens, token: str, now: datetime
) -> TokenPair | TokenReused:
    """Exchange a refresh token; a reused one is assumed stolen and ends the session.

    `TokenReused` is returned, not raised, so that the transaction commits.
    """
    refreshes, sessions = RefreshTokenRepository(unit), AuthSessionRepository(unit)
    session = await sessions.lock_live(_claims(tokens, token, now).session, now)
    stored = await refreshes.by_hash(stored_hash(token))
    if session is None or stored is None or stored.session_id != session.id:
        raise InvalidRefreshToken
    if stored.used_at is not None:
        session.revoked_at = now
        AccountEventRepository(unit, now).record(
            AccountAction.TOKEN_REUSED, session.user_id, by=None
        )
        return TokenReused()
    # The setting may have been lowered.
    if _end_of(session, tokens) <= now:
        raise InvalidRefreshToken
    stored.used_at = session.last_used_at = now
    await SignInNetworkRepository(unit).note(session.user_id, client_network(), now)
    return issue(unit, tokens, session, now)


async def end_session(unit: WriteSession, tokens: SessionTokens, token: str, now: datetime) -> None:
    """End the session of a refresh token, if it is live."""
    session = await AuthSessionRepository(unit).lock_live(_claims(tokens, token, now).session, now)
    if session is not None:
        session.revoked_at = now
        user_id = session.user_id
        AccountEventRepository(unit, now).record(AccountAction.SIGNED_OUT, user_id, by=user_id)


def _claims(tokens: SessionTokens, token: str, now: datetime) -> Claims:
    try:
        return tokens.refresh.read(token, now=now)
    except InvalidToken:
        raise InvalidRefreshToken from None
