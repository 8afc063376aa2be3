"""Strangers at the default site."""

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from tests.support.database import change_default_site
from tests.visitors.strangers import Strangers


@pytest.fixture
async def strangers(app: FastAPI, database: Database) -> Strangers:
    """At the default site, which has four places an hour, two of them for strangers."""
    await change_default_site(
        database, self_registration=True, self_registration_share=50, slot_capacity=4
    )
    return Strangers(app)
