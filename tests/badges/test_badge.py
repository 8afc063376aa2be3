"""Who prints a badge, and until when."""

from datetime import timedelta

import pytest

from app.core.clock import SettableClock
from app.users.models import Role
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.sites.logos import put_logo
from tests.sites.test_sites import main_site
from tests.support.api import Api
from tests.support.problems import faulty_fields, problem


async def test_staff_and_hosts_print_the_badges_of_their_visitors(api: Api):
    root = await api.superadmin()
    site = (await main_site(root))["id"]
    await put_logo(root, site)
    host = await api.host()
    visitor = await host.register()
    path = f"visitors/{visitor['id']}/badge.pdf"
    for caller in (root, host, await api.of_role(Role.RECEPTIONIST, site)):
        answer = await caller.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert answer.headers["content-disposition"] == 'inline; filename="badge.pdf"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"%PDF")
    for size in ("62x100", "89x36", "a6", "a4"):
        assert (await root.get(path, size=size)).status_code == 200
    assert faulty_fields(await root.get(path, size="a5")) == {"size"}


async def test_nobody_else_prints_a_badge(api: Api):
    root = await api.superadmin()
    site = (await main_site(root))["id"]
    path = f"visitors/{(await root.register())['id']}/badge.pdf"
    problem(await (await api.of_role(Role.GUARD, site)).get(path), 403, "forbidden")
    problem(await (await api.host("other@example.com")).get(path), 404, "not_found")
    problem(await (await add_device(api, "scanner")).get(path), 403, "forbidden")
    problem(await api.http.get(f"/api/{path}"), 401, "not_authenticated")


@pytest.mark.parametrize("how", ["cancel", "complete", "expire"])
async def test_there_is_no_badge_of_a_visit_that_is_over(api: Api, clock: SettableClock, how: str):
    root = await api.superadmin()
    visitor = await root.register()
    path = f"visitors/{visitor['id']}/"
    if how == "complete":
        await root.scan(visitor["qr_code"])
        assert (await root.get(f"{path}badge.pdf")).status_code == 200
    if how == "expire":
        clock.set(MONDAY + timedelta(days=1))  # before the worker has closed it
        root = await api.sign_in("root@example.com", "")
    else:
        await root.post(f"{path}{how}/")
    problem(await root.get(f"{path}badge.pdf"), 409, "invalid_transition")
