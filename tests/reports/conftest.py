import pytest

from app.core.db.database import Database
from tests.reports.data import Visitors


@pytest.fixture
def visitors(database: Database) -> Visitors:
    """Add visitors without the API: `await visitors.add({"status": …}, …)`."""
    return Visitors(database)
