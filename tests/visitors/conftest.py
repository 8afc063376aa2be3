"""Strangers at the default site."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from app.settings import Settings
from tests.support.database import change_default_site
from tests.visitors.strangers import Strangers


@pytest.fixture
async def strangers(app: FastAPI, database: Database) -> Strangers:
    """Return strangers at the default site, with two of four places an hour for them."""
    await change_default_site(
        database, self_registration=True, self_registration_share=50, slot_capacity=4
    )
    return Strangers(app)


@pytest.fixture
def limited(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run the application with these settings."""

    def change(**changes: Any) -> None:
        settings: Settings = app.state.settings
        monkeypatch.setitem(app.state._state, "settings", settings.model_copy(update=changes))

    return change
