"""Who has webhooks, and what they may be."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.security.renewal import renew_secrets
from app.main import create_app
from app.settings import Settings
from app.tables import metadata
from app.users.models import Role
from app.webhooks.models import Webhook
from tests.support.api import Api, Client
from tests.support.problems import problem
from tests.webhooks.conftest import TYPES, make
from tests.webhooks.receivers import Receiver

URL = "https://hooks.example.com/visits"
NEXT_WEEK = {"visit_date": "2026-12-08"}


async def status_of(client: Client, webhook: dict[str, Any]) -> tuple[str, str | None]:
    answer = await client.get(f"webhooks/{webhook['id']}/")
    return answer.json()["status"], answer.json()["disabled_reason"]


async def test_a_secret_is_shown_once_and_stored_encrypted(api, database):
    admin = await api.admin()
    webhook = await make(admin, URL)
    assert webhook["secret"].startswith("whsec_")
    shown = (await admin.get(f"webhooks/{webhook['id']}/")).json()
    assert shown == {name: value for name, value in webhook.items() if name != "secret"}
    assert (shown["payload"], shown["status"], shown["maker"]) == ("thin", "active", admin.user_id)
    listed = (await admin.get("webhooks/", include_total=True)).json()
    assert (listed["items"], listed["total"]) == ([shown], 1)
    async with database.read() as session:
        stored = await session.scalar(select(Webhook.secret))
    assert webhook["secret"].encode() not in stored


async def test_a_new_key_reads_the_secrets_after_the_migration(api, database, settings):
    await make(await api.admin(), URL)
    newer = settings.model_copy(
        update={
            "secret_key": SecretStr("n" * 40),
            "secret_key_previous": settings.secret_key,
        }
    )
    assert await renew_secrets(database, metadata, newer.key_ring) == 1
    assert await renew_secrets(database, metadata, settings.key_ring) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"types": []},
        {"types": ["visit.imagined"]},
        {"types": ["webhook.test"]},
        {"url": "ftp://hooks.example.com/"},
        {"url": "hooks.example.com"},
        {"url": f"https://hooks.example.com/{'a' * 2000}"},
        {"url": None},
        {"payload": "fat"},
        {"site": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"},
        {"secret": "whsec_mine"},
    ],
)
async def test_what_is_no_webhook_is_refused(api, fields):
    admin = await api.admin()
    body = {"url": URL, "types": TYPES, **fields}
    problem(await admin.post("webhooks/", body), 422, "invalid")
    webhook = await make(admin, URL)
    problem(await admin.patch(f"webhooks/{webhook['id']}/", fields), 422, "invalid")


async def test_in_production_nothing_inside_is_allowed(settings, database, clock, api):
    """It is a 422 of its own; a network can be opened, but not to plain HTTP."""
    await api.admin()
    strict = settings.model_copy(
        update={"debug": False, "allowed_hosts": ["test"], "public_url": "https://test"}
    )
    opened = Settings.model_validate(
        {**strict.model_dump(), "debug": True, "webhook_allowed_networks": "10.1.0.0/16"}
    ).webhook_allowed_networks
    strict = strict.model_copy(update={"webhook_allowed_networks": opened})
    app = create_app(strict, clock=clock)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://test") as http:
            own = Api(http, database, api.hasher)
            admin = await own.admin("strict@example.com")
            for url in ("http://hooks.example.com/", "https://0x7f.1/", "https://[::1]/"):
                answer = await admin.post("webhooks/", {"url": url, "types": TYPES})
                assert problem(answer, 422, "url_not_allowed")["errors"][0]["field"] == "url"
            webhook = await make(admin, "https://10.1.2.3/")
            answer = await admin.patch(f"webhooks/{webhook['id']}/", {"url": "https://10.2.0.1/"})
            problem(answer, 422, "url_not_allowed")
            problem(
                await admin.post("webhooks/", {"url": "http://10.1.2.3/", "types": TYPES}),
                422,
                "url_not_allowed",
            )


async def test_the_only_site_of_its_maker_is_that_of_a_webhook(api):
    root = await api.superadmin()
    [home] = (await root.get("sites/")).json()["items"]
    admin = await api.of_role(Role.ADMIN, home["id"])
    assert (await make(admin, URL))["site"] == home["id"]
    assert (await make(root, URL))["site"] is None


async def test_admins_see_what_tells_of_their_sites_alone(api):
    root = await api.superadmin()
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    home = next(s["id"] for s in (await root.get("sites/")).json()["items"] if s["id"] != place)
    both = await api.of_role(Role.ADMIN, home, place, email="both@example.com")
    one = await api.of_role(Role.ADMIN, home, email="one@example.com")
    everything = await make(root, URL)
    of_both, of_home = await make(both, URL), await make(root, URL, site=home)
    seen = [(await c.get("webhooks/")).json()["items"] for c in (root, both, one)]
    assert [[each["id"] for each in some] for some in seen] == [
        [everything["id"], of_both["id"], of_home["id"]],
        [of_both["id"], of_home["id"]],
        [of_home["id"]],
    ]
    problem(await one.patch(f"webhooks/{of_both['id']}/", {"status": "disabled"}), 404, "not_found")
    problem(
        await one.post("webhooks/", {"url": URL, "types": TYPES, "site": place}), 422, "invalid"
    )


async def test_nobody_widens_the_webhook_of_another(api):
    """A limited admin who may change it would hear of all sites that its maker sees."""
    root = await api.superadmin()
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    home = next(s["id"] for s in (await root.get("sites/")).json()["items"] if s["id"] != place)
    both = await api.of_role(Role.ADMIN, home, place)
    webhook = await make(root, URL, site=home)
    path = f"webhooks/{webhook['id']}/"
    problem(await both.patch(path, {"site": None}), 422, "site_required")
    assert (await both.patch(path, {"site": place})).json()["site"] == place
    assert (await root.patch(path, {"site": None})).json()["site"] is None


async def test_only_admins_have_webhooks(api):
    for role in (Role.RECEPTIONIST, Role.GUARD, Role.HOST):
        client = await api.of_role(role)
        problem(await client.get("webhooks/"), 403, "forbidden")
        problem(await client.post("webhooks/", {"url": URL, "types": TYPES}), 403, "forbidden")
    problem(await api.http.get("/api/webhooks/"), 401, "not_authenticated")


async def test_whom_it_tells_what_needs_a_recent_sign_in(api, clock):
    admin = await api.admin()
    webhook = await make(admin, URL)
    path = f"webhooks/{webhook['id']}/"
    clock.advance(timedelta(minutes=11))
    for body in ({"url": "https://b.example/"}, {"types": ["visit.expired"]}, {"payload": "full"}):
        problem(await admin.patch(path, body), 403, "reauthentication_required")
    problem(
        await admin.post("webhooks/", {"url": URL, "types": TYPES}),
        403,
        "reauthentication_required",
    )
    problem(await admin.post(f"{path}rotate-secret/"), 403, "reauthentication_required")
    for body in ({"url": URL}, {"status": "disabled"}, {"status": "active"}):
        assert (await admin.patch(path, body)).status_code == 200
    assert (await admin.delete(path)).status_code == 204


async def test_what_stays_the_same_is_not_recorded(api, database):
    admin = await api.admin()
    webhook = await make(admin, URL)
    answer = await admin.patch(f"webhooks/{webhook['id']}/", {"url": URL, "payload": "thin"})
    assert answer.status_code == 200
    async with database.read() as session:
        found = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_type == "webhook")
        )
        assert found.all() == ["created"]


async def test_one_that_is_disabled_sends_nothing(api):
    admin = await api.admin()
    webhook = await make(admin, URL)
    path = f"webhooks/{webhook['id']}/"
    delivery = (await admin.post(f"{path}test/")).json()
    await admin.patch(path, {"status": "disabled"})
    assert await status_of(admin, webhook) == ("disabled", "by_hand")
    for way in ("test/", f"deliveries/{delivery['id']}/redeliver/"):
        problem(await admin.post(f"{path}{way}"), 409, "webhook_disabled")
    problem(await admin.post(f"{path}replay/", {"after": 0}), 409, "webhook_disabled")


async def test_the_end_of_its_makers_rights_ends_a_webhook(api, hooks):
    """Until an administrator in whose rights it lies takes it over."""
    root = await api.superadmin()
    maker = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(maker, receiver.url)
        await root.register(**NEXT_WEEK)
        await hooks.dispatch()
        await root.patch(f"auth/users/{maker.user_id}/", {"is_active": False})
        assert await hooks.deliver() == 0
        assert await status_of(root, webhook) == ("disabled", "maker_closed")
        answer = await root.patch(f"webhooks/{webhook['id']}/", {"status": "active"})
        assert answer.json()["maker"] == root.user_id
        await root.register(email="b@example.com", **NEXT_WEEK)
        assert await hooks.deliver() == 2


async def test_a_demoted_maker_has_no_webhook(api, hooks):
    root, maker = await api.superadmin(), await api.admin()
    webhook = await make(maker, URL)
    await root.patch(f"auth/users/{maker.user_id}/", {"role": "host"})
    await hooks.dispatch()
    assert await status_of(root, webhook) == ("disabled", "maker_closed")


async def test_a_site_with_webhooks_is_in_use(api):
    root = await api.superadmin()
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    await make(root, URL, site=place)
    problem(await root.delete(f"sites/{place}/"), 409, "in_use")


@pytest.mark.parametrize("after", [-1, 2**63, "1", 1.5, None, True])
async def test_a_replay_begins_at_a_number(api, after):
    admin = await api.admin()
    webhook = await make(admin, URL)
    answer = await admin.post(f"webhooks/{webhook['id']}/replay/", {"after": after})
    problem(answer, 422, "invalid")
