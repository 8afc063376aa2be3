"""Limits on mails that anonymous callers cause to addresses whose owner is not verified."""

from contextlib import suppress
from dataclasses import dataclass

from app.core.http.limits import Limit, RateLimiter, Rule, TooManyRequests
from app.core.text import mailbox_key

MAILS_OF_STRANGERS = Rule("mails of strangers", "3/day")
WITHHELD = "Not sent: the daily limit of mails from self-registration to this address is reached"


def mails_of_strangers(email: str) -> Limit:
    """Return the limit for mails that anonymous callers cause to a mailbox, however spelled."""
    return MAILS_OF_STRANGERS.of(mailbox_key(email))


@dataclass(frozen=True, slots=True)
class StrangerMails:
    """Counts mails to unverified addresses."""

    limiter: RateLimiter

    async def take(self, email: str) -> bool:
        """Count a mail; return whether it may be sent."""
        with suppress(TooManyRequests):
            await self.limiter.count(mails_of_strangers(email))
            return True
        return False

    async def give_back(self, email: str) -> None:
        """Undo the count of a mail that was not queued."""
        await self.limiter.give_back(mails_of_strangers(email))
