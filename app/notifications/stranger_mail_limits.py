"""What strangers may have mailed to an address that nobody has proven to be theirs."""

from contextlib import suppress
from dataclasses import dataclass

from app.core.http.limits import Limit, RateLimiter, Rule, TooManyRequests
from app.core.text import mailbox_key

MAILS_OF_STRANGERS = Rule("mails of strangers", "3/day")
WITHHELD = "Not sent: strangers have had enough mail sent to this address for today"


def mails_of_strangers(email: str) -> Limit:
    """Return what counts the mails that strangers cause to a mailbox, however it is spelled."""
    return MAILS_OF_STRANGERS.of(mailbox_key(email))


@dataclass(frozen=True, slots=True)
class StrangerMails:
    """Counts the mails to addresses that nobody has proven."""

    limiter: RateLimiter

    async def take(self, email: str) -> bool:
        """Count a mail; return whether it may be sent."""
        with suppress(TooManyRequests):
            await self.limiter.count(mails_of_strangers(email))
            return True
        return False

    async def give_back(self, email: str) -> None:
        """Take back a mail that was not queued after all."""
        await self.limiter.give_back(mails_of_strangers(email))
