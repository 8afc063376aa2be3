"""How many wrong passwords are heard (OWASP ASVS 5, 6.3.1; NIST SP 800-63B-4, section 3.2.2)."""

from collections.abc import Collection
from dataclasses import dataclass

from app.auth import metrics
from app.auth.account_limits import AccountLimits
from app.core.http.limits import RateLimiter
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
        counts = await self.limiter.look(*self.limits.of(email, known=True))
        return counts[0]

    async def fits(
        self, email: str, password: str, hashed: str | None, *, known: bool, failures: int
    ) -> bool:
        """Whether the password is that of the account; `known` is whether it is used from here.

        Raises `TooManyRequests` and `Unavailable` for one that is not looked at.
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
        """Forget the failures of an account here and there: its owner has shown who they are."""
        await self.limiter.clear(*self.limits.of_account(email, {client_network(), *networks}))
