"""The co-hosts of a visit: further addresses that get the mails of the host."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.text import is_same_mailbox

Stored = Mapping[str, Any]
"""A co-host as a row keeps them: `name`, which may be None, and `email`."""


@dataclass(frozen=True, slots=True)
class CoHostChange:
    """The co-hosts after a change, and the addresses that are new or no longer there."""

    after: list[dict[str, Any]]
    new: tuple[str, ...]
    removed: tuple[Stored, ...]


def changed(
    before: Sequence[Stored], wanted: Iterable[Stored], host_email: str | None
) -> CoHostChange:
    """Return what becomes of the co-hosts; the host's own address is ignored.

    A known address keeps its spelling, by which its mails are found.
    """
    after = [
        {"name": one["name"], "email": _as_known(one["email"], before)}
        for one in others(wanted, host_email)
    ]
    known, kept = {one["email"] for one in before}, {one["email"] for one in after}
    return CoHostChange(
        after,
        new=tuple(one["email"] for one in after if one["email"] not in known),
        removed=tuple(one for one in before if one["email"] not in kept),
    )


def others(co_hosts: Iterable[Stored], host_email: str | None) -> list[Stored]:
    """Return the co-hosts who are not the host."""
    return [one for one in co_hosts if not is_address_of(host_email, one["email"])]


def is_address_of(address: str | None, other: str) -> bool:
    return address is not None and is_same_mailbox(address, other)


def _as_known(email: str, before: Iterable[Stored]) -> str:
    known = (one["email"] for one in before if is_same_mailbox(one["email"], email))
    return next(known, email)
