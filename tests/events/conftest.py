"""Events that get their numbers when a test says so."""

import pytest

from app.audit.chain import Signer
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from app.settings import Settings


@pytest.fixture
def sequencer(database: Database, clock: SettableClock, settings: Settings) -> Sequencer:
    """Return what a worker runs: `await sequencer.step()`."""
    return Sequencer(database, clock, Signer(settings.key_ring))
