"""A device at a gate."""

import pytest

from tests.devices.devices import add_device
from tests.support.api import Api, Client


@pytest.fixture
async def gate(api: Api) -> Client:
    return await add_device(api, gate="North")
