"""Limit wrong passwords (OWASP ASVS 5, 6.3.1; NIST SP 800-63B-4, section 3.2.2)."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from app.auth import metrics
from app.auth.account_limits import AccountLimits
from app.auth.errors import InvalidCredentials
from app.core.http.limits import Limit, RateLimiter, TooManyRequests
from app.core.request_context import client_network
from app.core.security.passwords import PasswordHasher
from app.users.models import Role, User


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Checks passwords within limits; guesses are counted before hashing.

    A success clears the failures of the account, not of the network, where attackers may have an
    account of their own.
    """

    limiter: RateLimiter
    hasher: PasswordHasher
    limits: AccountLimits
    directory_required: bool = False

    def lets_in(self, user: User) -> bool:
        """Return whether a password can sign this account in."""
        by_password = not self.directory_required or user.role is Role.SUPERADMIN
        return user.is_active and by_password

    def refusal(self) -> InvalidCredentials:
        """Return the answer to a password that signs nobody in, the same for all of them."""
        required = self.directory_required
        return InvalidCredentials(directory_required=True) if required else InvalidCredentials()

    async def admit(self, email: str, *, known: bool) -> int:
        """Return the network's failures; raise `TooManyRequests` or `Unavailable`.

        Rejects floods without a request to Redis.
        """
        self.hasher.require_room(known=known)
        await self.limiter.look(*self.limits.of(email, known=known))
        return await self.limiter.number(self.limits.of_network())

    async def fits(
        self, email: str, password: str, hashed: str | None, *, known: bool, failures: int
    ) -> bool:
        """Return whether the password matches; raise `TooManyRequests` or `Unavailable`."""
        async with self.hasher.turn(known=known, failures=failures) as verify:
            limits = await self._count(email, known=known)
            fits = await verify(password, hashed)
            if fits:
                await self.limiter.give_back(*limits)
                await self.limiter.clear(self.limits.here(email))
        (metrics.PASSED if fits else metrics.FAILED).inc()
        return fits

    async def _count(self, email: str, *, known: bool) -> list[Limit]:
        """Count a guess; return the limits that counted it.

        A guess at a known account also counts for the network, but is not refused by it.
        """
        limits, network = self.limits.of(email, known=known), self.limits.of_network()
        await self.limiter.count(*limits)
        if known:
            with suppress(TooManyRequests):
                await self.limiter.count(network)
                limits.append(network)
        return limits

    async def forgive(self, email: str, networks: Collection[str]) -> None:
        """Clear the failures of an account, from here and these networks."""
        await self.limiter.clear(*self.limits.of_account(email, {client_network(), *networks}))
