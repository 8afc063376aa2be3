"""How many wrong passwords are heard (OWASP ASVS 5, 6.3.1; NIST SP 800-63B-4, section 3.2.2)."""

from dataclasses import dataclass

from app.auth import metrics
from app.core.limits import RateLimiter, Rule, client_network
from app.core.text import account_key


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """Failures per account, whether it exists or not, and per address.

    Whoever is over the limit learns nothing more: the counters are read again after the password
    was checked, so that a thousand guesses sent at once get no more answers than ten in a row.
    A success forgets the account's failures, but not those of the address: else an attacker's own
    account would buy them a new start.
    """

    limiter: RateLimiter
    per_account: Rule
    per_address: Rule

    async def admit(self, email: str) -> None:
        """Raises `TooManyRequests` before any work is done."""
        await self.limiter.check(self.per_address, client_network())
        await self.limiter.check(self.per_account, account_key(email))

    async def failed(self, email: str) -> None:
        """Count a wrong password; raises `TooManyRequests` beyond the limit."""
        metrics.FAILED.inc()
        await self.limiter.hit(self.per_address, client_network())
        await self.limiter.hit(self.per_account, account_key(email))

    async def passed(self, email: str) -> None:
        """Let a right password count, unless too many wrong ones overtook it."""
        await self.admit(email)
        metrics.PASSED.inc()
        await self.forgive(email)

    async def forgive(self, email: str) -> None:
        """Forget the failures of an account: its owner has shown who they are."""
        await self.limiter.clear(self.per_account, account_key(email))
