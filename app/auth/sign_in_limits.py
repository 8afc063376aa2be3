"""Limits wrong passwords (OWASP ASVS 5, 6.3.1; NIST SP 800-63B-4, section 3.2.2)."""

from collections.abc import Collection
from dataclasses import dataclass

from app.auth import metrics
from app.auth.account_limits import AccountLimits
from app.core.http.limits import RateLimiter
from app.core.request_context import client_network
from app.core.security.passwords import PasswordHasher


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Checks passwords within the limits of wrong ones.

    A guess is counted before its password is hashed, so that concurrent guesses gain nothing. A
    success clears the failures of the account but not of the network, so that an attacker's own
    account does not reset them.
    """

    limiter: RateLimiter
    hasher: PasswordHasher
    limits: AccountLimits

    async def admit(self, email: str, *, known: bool) -> int:
        """Return the failures of the network; raise `TooManyRequests` or `Unavailable`.

        Rejects floods cheaply, without a request to Redis.
        """
        self.hasher.require_room(known=known)
        counts = await self.limiter.look(*self.limits.of(email, known=True))
        return counts[0]

    async def fits(
        self, email: str, password: str, hashed: str | None, *, known: bool, failures: int
    ) -> bool:
        """Return whether the password matches; `known` is whether the network is known.

        Raise `TooManyRequests` or `Unavailable` if it is not checked.
        """
        limits = self.limits.of(email, known=known)
        async with self.hasher.turn(known=known, failures=failures) as verify:
            await self.limiter.count(*limits)
            fits = await verify(password, hashed)
            if fits:
                await self.limiter.give_back(*limits)
                await self.limiter.clear(self.limits.here(email))
        (metrics.PASSED if fits else metrics.FAILED).inc()
        return fits

    async def forgive(self, email: str, networks: Collection[str]) -> None:
        """Clear the failures of an account, here and in these networks."""
        await self.limiter.clear(*self.limits.of_account(email, {client_network(), *networks}))
