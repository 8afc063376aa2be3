"""Decide which webhooks an event is for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from app.auth.caller import Caller
from app.events.filters import EventFilter
from app.events.kinds import EventType
from app.events.repository import ReadEvent

_TYPES = frozenset(EventType)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook, as far as events ask."""

    id: UUID
    types: frozenset[str]
    starts_after: int
    seen: EventFilter


def known_types(words: Iterable[str]) -> frozenset[EventType]:
    """Return the types among some words; a later release may have more."""
    return frozenset(EventType(word) for word in words if word in _TYPES)


def seen_by(maker: Caller, site_id: UUID | None) -> EventFilter:
    """Return what a webhook for a site, or for all, may tell: what its maker sees there now."""
    return EventFilter(site=site_id, scope=maker.scope)


class Subscriptions:
    """The active webhooks, by the types that they take."""

    def __init__(self, webhooks: Iterable[Subscription]) -> None:
        self._by_type: defaultdict[str, list[Subscription]] = defaultdict(list)
        for webhook in webhooks:
            for type_ in webhook.types:
                self._by_type[type_].append(webhook)

    @property
    def types(self) -> frozenset[EventType]:
        """Return the types that some webhook takes."""
        return known_types(self._by_type)

    def of(self, event: ReadEvent) -> Iterator[UUID]:
        """Yield the webhooks that a new event is for."""
        for webhook in self._by_type.get(event.type, ()):
            if event.seq > webhook.starts_after and webhook.seen.allows(event):
                yield webhook.id
