"""The default site, changed by a superadmin."""

import pytest

from tests.slots.managed_site import ManagedSite
from tests.support.api import Api


@pytest.fixture
async def site(api: Api) -> ManagedSite:
    root = await api.superadmin()
    id_ = (await root.get("sites/")).json()["items"][0]["id"]
    return ManagedSite(root, id_, f"sites/{id_}/")
