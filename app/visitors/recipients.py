"""Who is new to a changed visit, and of what the others are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from app.core.text import is_same_mailbox

HOST = ""
"""Stands for the host where co-hosts are addresses, as in `Notification.co_host`."""


@dataclass(frozen=True, slots=True)
class NewRecipients:
    """The new recipients, who are notified as of a new visit.

    `co_hosts` and `former_co_hosts` are addresses. The others are told of a duration that was
    `former_duration`, if `tells_duration`.
    """

    visitor: bool = False
    host: bool = False
    co_hosts: Sequence[str] = ()
    former_co_hosts: Sequence[str] = ()
    former_duration: int | None = None
    tells_duration: bool = False
    have_new_code: bool = False
    """Whether the change has replaced the code already."""

    def __bool__(self) -> bool:
        """Return whether the calendar entry of anybody changes."""
        has_other_people = self.visitor or self.host or self.co_hosts or self.former_co_hosts
        return bool(has_other_people) or self.former_duration is not None

    def is_new(self, co_host: str) -> bool:
        return self.host if co_host == HOST else co_host in self.co_hosts

    @property
    def outdated(self) -> list[str]:
        """Return whose mails about the visit are no longer theirs."""
        return [*self.former_co_hosts, *([HOST] if self.host else [])]

    def mailed_co_hosts(self, present: int, *, moved: bool) -> int:
        """Return how many co-hosts, of the present and the former ones, get a mail."""
        told = present if moved or self.tells_duration else len(self.co_hosts)
        return told + len(self.former_co_hosts)


@dataclass(frozen=True, slots=True)
class MailboxChange:
    """Whether a change of the address gains a mailbox, and loses one, which knows the code."""

    gained: bool
    lost: bool

    @classmethod
    def between(cls, former: str | None, present: str | None) -> Self:
        """Compare two addresses; different spellings are one mailbox."""
        if former is None or present is None:
            is_same = former == present
        else:
            is_same = is_same_mailbox(former, present)
        return cls(not is_same and present is not None, not is_same and former is not None)
