"""A service with a stream."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.support.serving import served


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Yield the address of the service."""
    async with served(app) as address:
        yield address
