"""Limits wrong codes and the challenges that anonymous callers ask for."""

from dataclasses import dataclass
from uuid import UUID

from app.core.http.limits import Limit, RateLimiter, Rule
from app.core.request_context import client_network

# Of every million codes three are right at a time.
WRONG_CODES = "10/15minute"
CHALLENGES = "120/minute"


@dataclass(frozen=True, slots=True)
class FactorLimits:
    """Counts guesses before they are checked, and gives back those that were right."""

    limiter: RateLimiter
    per_address: str

    async def count(self, user_id: UUID) -> Limit:
        """Count a guess at an account; raise `TooManyRequests`."""
        limit = _of_account(user_id)
        await self.limiter.count(limit)
        return limit

    async def forget(self, user_id: UUID) -> None:
        """Forget the guesses at an account whose factors are gone."""
        await self.limiter.clear(_of_account(user_id))

    async def count_passkey(self) -> Limit:
        """Count a passkey of an unknown owner; raise `TooManyRequests`."""
        limit = Rule("wrong passkey, address", self.per_address).of(client_network())
        await self.limiter.count(limit)
        return limit

    async def give_back(self, limit: Limit) -> None:
        await self.limiter.give_back(limit)

    async def count_challenge(self) -> None:
        """Count a challenge of the current network; raise `TooManyRequests`."""
        await self.limiter.hit(Rule("passkey challenge", CHALLENGES), client_network())


def _of_account(user_id: UUID) -> Limit:
    return Rule("wrong code, account", WRONG_CODES).of(str(user_id))
