"""How many wrong passwords are heard (OWASP ASVS 5, 6.3.1; NIST SP 800-63B-4, section 3.2.2)."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from app.auth import metrics
from app.auth.account_limits import AccountLimits
from app.core.http.limits import Limit, RateLimiter, TooManyRequests
from app.core.request_context import client_network
from app.core.security.passwords import PasswordHasher


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Checks passwords, as long as there were not too many wrong ones.

    A guess is counted before its password is hashed, and taken back where it was right: a thousand
    sent at once get no more answers than ten in a row, and cost no more work. A success forgets the
    account's failures here, but not those of the network: else an attacker's own account would buy
    them a new start.
    """

    limiter: RateLimiter
    hasher: PasswordHasher
    limits: AccountLimits

    async def admit(self, email: str, *, known: bool) -> int:
        """Return the failures of the network; raises `TooManyRequests` and `Unavailable`.

        That costs little. What a flood has too much of ends here, without a question to Redis.
        """
        self.hasher.require_room(known=known)
        await self.limiter.look(*self.limits.of(email, known=known))
        return await self.limiter.number(self.limits.of_network())

    async def fits(
        self, email: str, password: str, hashed: str | None, *, known: bool, failures: int
    ) -> bool:
        """Whether the password is that of the account; `known` is whether it is used from here.

        Raises `TooManyRequests` and `Unavailable` for one that is not looked at.
        """
        async with self.hasher.turn(known=known, failures=failures) as verify:
            limits = await self._count(email, known=known)
            fits = await verify(password, hashed)
            if fits:
                await self.limiter.give_back(*limits)
                await self.limiter.clear(self.limits.here(email))
        (metrics.PASSED if fits else metrics.FAILED).inc()
        return fits

    async def _count(self, email: str, *, known: bool) -> list[Limit]:
        """Count a guess; return the limits that have counted it.

        One at a known account counts for its network too, where that refuses others alone.
        """
        limits, network = self.limits.of(email, known=known), self.limits.of_network()
        await self.limiter.count(*limits)
        if known:
            with suppress(TooManyRequests):
                await self.limiter.count(network)
                limits.append(network)
        return limits

    async def forgive(self, email: str, networks: Collection[str]) -> None:
        """Forget the failures of an account here and there: its owner has shown who they are."""
        await self.limiter.clear(*self.limits.of_account(email, {client_network(), *networks}))
