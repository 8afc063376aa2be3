"""Complete sign-ins: the only place where a session begins."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.auth.caller import Caller
from app.auth.directory_link_service import LINK, DirectoryMail, link_account
from app.auth.errors import (
    InvalidCode,
    InvalidCredentials,
    InvalidTicket,
    SecondFactorMissing,
    SecondFactorRequired,
)
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_limits import FactorLimits
from app.auth.factor_models import FactorMethod, SignInMethod, SignInTicket
from app.auth.factor_repository import (
    PasskeyReader,
    TicketReader,
    TicketRepository,
    held_factors,
)
from app.auth.factor_service import FactorChecker, Proof, new_challenge
from app.auth.models import AccountAction
from app.auth.passkeys import PasskeyRefused, read_sign_in
from app.auth.service import TokenPair, begin_session, confirm_session
from app.core.db.database import Database, WriteSession
from app.core.errors import Problem
from app.core.security.random_secrets import stored_hash
from app.core.security.tokens import SessionTokens
from app.users.models import Role, User
from app.users.repository import UserRepository

TICKET_LIFETIME = timedelta(minutes=5)
TICKET_BYTES = 32
# Wrong codes that end a ticket.
MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account and the tokens of its new session."""

    user: User
    tokens: TokenPair


@dataclass(frozen=True, slots=True)
class SignIns:
    """Turns a checked password, directory answer or passkey into a session.

    `origin` is that of the page that asks, which may be one where passkeys are not offered.
    Each use case opens its own unit of work and commits it also where it refuses, so that guesses,
    tickets and used codes are kept.
    """

    database: Database
    tokens: SessionTokens
    limits: FactorLimits
    checker: FactorChecker
    directory_mail: DirectoryMail
    now: datetime
    user_agent: str | None
    origin: str | None

    async def complete(
        self,
        user: User,
        method: SignInMethod,
        *,
        has_second_factor: bool = False,
        confirmed_at: datetime | None = None,
        context: dict[str, Any] | None = None,
    ) -> SignedIn:
        """Complete the sign-in of an account that `method` has just verified.

        Raise `SecondFactorRequired`, with a ticket for `login/second-factor/`, if the account has
        a second factor, and `InvalidCredentials` if its access or password changed since `user`
        was read. `has_second_factor` says that the method has checked one itself (the directory's
        `amr`), and `confirmed_at` when the user last entered something, unless that is now. What
        may happen only after the second factor goes into `context` (JSON) and is done
        in `_begin`, which all ways of completing a sign-in come through: the directory's first
        link, for example. Hold no unit of work meanwhile.
        """
        context = context or {}
        async with self.database.write() as unit:
            seen = await UserRepository(unit).lock_as_seen(user)
            if seen is None:
                raise InvalidCredentials
            held = await held_factors(unit, seen.id)
            if has_second_factor or not held.methods:
                return await self._begin(
                    unit,
                    seen,
                    method,
                    context,
                    has_directory_factor=has_second_factor,
                    confirmed_at=confirmed_at,
                )
            ticket = self._add_ticket(unit, seen, method, context)
        raise SecondFactorRequired(ticket=ticket, methods=self._offered(held.methods))

    async def redeem(self, ticket: str, proof: Proof) -> SignedIn:
        """Complete the sign-in of a ticket; raise `InvalidTicket` or `InvalidCode`.

        The ticket works once, and of concurrent requests for one.
        """
        hashed = stored_hash(ticket)
        async with self.database.read() as session:
            owner = await TicketReader(session).owner(hashed, self.now)
        if owner is None:
            raise InvalidTicket
        guess = await self.limits.count(owner)
        async with self.database.write() as unit:
            user = await UserRepository(unit).lock_active(owner)
            outcome = await self._redeemed(unit, user, hashed, proof) if user else InvalidTicket()
        if not isinstance(outcome, InvalidCode):
            await self.limits.give_back(guess)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    async def _redeemed(
        self, unit: WriteSession, user: User, hashed: bytes, proof: Proof
    ) -> SignedIn | Problem:
        tickets = TicketRepository(unit)
        ticket = await tickets.lock_live(hashed, self.now)
        if ticket is None:
            return InvalidTicket()
        shown = await self.checker.accepts(unit, user, proof)
        if shown is None:
            self._record_failure(unit, user)
            ticket.failures += 1
            if ticket.failures >= MOST_FAILURES:
                await tickets.delete(ticket)
            return InvalidCode()
        await tickets.delete(ticket)
        return await self._begin(unit, user, ticket.method, ticket.context, shown=shown)

    async def passkey_options(self) -> dict[str, Any]:
        """Return the options of a sign-in by passkey; raise `PasskeysNotOffered`."""
        self.checker.relying_party.require_offered(self.origin)
        await self.limits.count_challenge()
        async with self.database.write() as unit:
            challenge = await new_challenge(unit, None, self.now)
        return self.checker.relying_party.sign_in_options(challenge)

    async def by_passkey(self, credential: dict[str, Any]) -> SignedIn:
        """Sign in with a passkey alone; raise `InvalidCredentials`."""
        guess = await self.limits.count_passkey()
        async with self.database.write() as unit:
            user = await self._owner(unit, credential)
            proof = Proof(credential=credential)
            shown = await self.checker.accepts(unit, user, proof) if user else None
            if user is None or shown is None:
                self._record(unit, AccountAction.SIGN_IN_FAILED, user)
                outcome = None
            else:
                outcome = await self._begin(unit, user, SignInMethod.PASSKEY, {}, shown=shown)
        if outcome is None:
            raise InvalidCredentials(InvalidCode.title)
        await self.limits.give_back(guess)
        return outcome

    async def confirm(self, caller: Caller, proof: Proof) -> None:
        """Renew the caller's sign-in by a second factor; raise `InvalidCredentials`."""
        if caller.id is None:
            raise InvalidCredentials
        guess = await self.limits.count(caller.id)
        async with self.database.write() as unit:
            user = await UserRepository(unit).lock_active(caller.id)
            fits = user is not None and await self.checker.accepts(unit, user, proof)
            if user is not None and fits:
                await confirm_session(unit, user, caller, self.now)
            elif user is not None:
                self._record_failure(unit, user)
        if not fits:
            raise InvalidCredentials(InvalidCode.title)
        await self.limits.give_back(guess)

    async def _owner(self, unit: WriteSession, credential: dict[str, Any]) -> User | None:
        try:
            answer = read_sign_in(credential)
        except PasskeyRefused:
            return None
        owner = await PasskeyReader(unit).owner(answer.credential_id)
        return await UserRepository(unit).lock_active(owner) if owner else None

    async def _begin(
        self,
        unit: WriteSession,
        user: User,
        method: SignInMethod,
        context: dict[str, Any],
        *,
        shown: FactorMethod | None = None,
        has_directory_factor: bool = False,
        confirmed_at: datetime | None = None,
    ) -> SignedIn:
        """Begin the session of a locked account whose sign-in is complete."""
        if LINK in context:
            if shown is None and user.role is Role.SUPERADMIN:
                raise SecondFactorMissing("Sign in with your password and set up a second factor")
            await link_account(unit, self.directory_mail, user, context[LINK], self.now)
        told = {"method": method.value} | ({"second_factor": shown.value} if shown else {})
        pair = await begin_session(
            unit,
            self.tokens,
            user,
            self.now,
            self.user_agent,
            by_directory=method is SignInMethod.DIRECTORY,
            has_directory_factor=has_directory_factor,
            confirmed_at=confirmed_at,
            **told,
        )
        return SignedIn(user, pair)

    def _offered(self, methods: Sequence[FactorMethod]) -> list[FactorMethod]:
        """Return the methods that the page can use."""
        has_passkeys = self.checker.relying_party.offers(self.origin)
        return [each for each in methods if has_passkeys or each is not FactorMethod.PASSKEY]

    def _add_ticket(
        self, unit: WriteSession, user: User, method: SignInMethod, context: dict[str, Any]
    ) -> str:
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        TicketRepository(unit).add(
            SignInTicket(
                user_id=user.id,
                ticket_hash=stored_hash(ticket),
                method=method,
                context=context,
                failures=0,
                created_at=self.now,
                expires_at=self.now + TICKET_LIFETIME,
            )
        )
        return ticket

    def _record_failure(self, unit: WriteSession, user: User) -> None:
        self._record(unit, AccountAction.SECOND_FACTOR_FAILED, user)

    def _record(self, unit: WriteSession, action: AccountAction, user: User | None) -> None:
        account = user.id if user else None
        AccountEventRepository(unit, self.now).record(action, account, by=None)
