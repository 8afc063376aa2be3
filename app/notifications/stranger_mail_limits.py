"""Limits on mails to unverified addresses that anonymous callers and kiosks cause."""

from contextlib import suppress
from dataclasses import dataclass

from app.core.http.limits import Limit, RateLimiter, Rule, TooManyRequests
from app.core.text import mailbox_key

MAILS_OF_STRANGERS = Rule("mails of strangers", "3/day", shown=False)
WITHHELD = "Not sent: the daily limit of mails from self-registration to this address is reached"


def mails_of_strangers(email: str) -> Limit:
    return MAILS_OF_STRANGERS.of(mailbox_key(email))


@dataclass(frozen=True, slots=True)
class StrangerMails:
    limiter: RateLimiter

    async def take(self, email: str) -> bool:
        """Count a mail; return whether it may be sent."""
        with suppress(TooManyRequests):
            await self.limiter.count(mails_of_strangers(email))
            return True
        return False

    async def give_back(self, email: str) -> None:
        await self.limiter.give_back(mails_of_strangers(email))
