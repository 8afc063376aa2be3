"""The worker's own metrics, over a socket."""

import httpx
import pytest
from pydantic import SecretStr

from app.settings import Settings
from tests.e2e.installation import free_port
from tests.health.figures import Figures
from workers.metrics_server import metrics_served

TOKEN = "what Prometheus knows"


@pytest.fixture
def served(settings: Settings) -> Settings:
    values = {"metrics_token": SecretStr(TOKEN), "worker_metrics_port": free_port()}
    return settings.model_copy(update=values)


async def ask(settings: Settings, authorization: str = "") -> httpx.Response:
    address = f"http://127.0.0.1:{settings.worker_metrics_port}/metrics"
    async with httpx.AsyncClient() as client:
        return await client.get(address, headers={"Authorization": authorization})


async def test_the_figures_are_for_who_knows_the_token(served: Settings):
    with metrics_served(served):
        for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}"):
            assert (await ask(served, wrong)).status_code == 401
        answer = await ask(served, f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert Figures(answer.text).of("vms_build_info", version="0.1.0") == 1


async def test_the_port_is_free_again_afterwards(served: Settings):
    for _ in range(2):
        with metrics_served(served):
            assert (await ask(served)).status_code == 401
    with pytest.raises(httpx.ConnectError):
        await ask(served)


async def test_without_a_port_nothing_is_served(settings: Settings):
    with metrics_served(settings):
        assert settings.worker_metrics_port is None
