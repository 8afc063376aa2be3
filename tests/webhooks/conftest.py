"""Webhooks whose dispatcher and deliverer work when a test says so."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.audit.chain import Signer
from app.core.clock import SettableClock, SystemClock
from app.core.db.database import Database
from app.core.security.encryption import Encryption
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from app.webhooks.client import Poster
from app.webhooks.delivery_service import WebhookDeliverer
from app.webhooks.dispatch_service import Dispatcher
from app.webhooks.mails import WebhookMails
from app.webhooks.models import WEBHOOK_SECRETS
from tests.support.api import Client

TYPES = ["visit.registered", "visit.cancelled"]


@dataclass
class Hooks:
    """What a worker runs, step by step."""

    sequencer: Sequencer
    dispatcher: Dispatcher
    deliverer: WebhookDeliverer

    async def dispatch(self) -> None:
        """Give all events their numbers, and to the webhooks that they are for."""
        while await self.sequencer.step():
            pass
        while await self.dispatcher.step():
            pass

    async def deliver(self) -> int:
        """Dispatch, then deliver what is due; return the number of attempts."""
        await self.dispatch()
        return await self.deliverer.deliver_due()


async def nobody() -> None:
    """Wake nobody."""


def hooks_of(database: Database, clock: SettableClock, settings: Settings, poster: Poster) -> Hooks:
    secrets = Encryption(settings.key_ring, WEBHOOK_SECRETS)
    return Hooks(
        Sequencer(database, clock, Signer(settings.key_ring)),
        Dispatcher(database, clock, nobody),
        WebhookDeliverer(database, clock, secrets, poster, WebhookMails(nobody)),
    )


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    poster = Poster(None)
    yield poster
    await poster.close()


@pytest.fixture
def hooks(database: Database, clock: SettableClock, settings: Settings, poster: Poster) -> Hooks:
    clock.set(SystemClock().now())  # signatures are valid for five minutes
    return hooks_of(database, clock, settings, poster)


async def make(client: Client, url: str, **fields: Any) -> dict[str, Any]:
    """Make a webhook; return it with its secret."""
    answer = await client.post("webhooks/", {"url": url, "types": TYPES, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
