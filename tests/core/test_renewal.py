"""Stored secrets after a change of `SECRET_KEY`."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app import migrations
from app.auth.factor_models import TOTP_SECRETS, TotpFactor
from app.commands.doctor import Health, examine
from app.core.clock import SettableClock
from app.core.keys import KeyRing
from app.core.security import renewal
from app.core.security.encryption import Encryption, UnreadableSecret
from app.core.security.renewal import count_secrets, renew_secrets
from app.settings import Settings
from app.tables import metadata
from tests.auth.conftest import StartApp, start
from tests.auth.factors import enrol, redeem, ticket
from tests.support.api import Api

__all__ = ["start"]  # a fixture

OLD = "a secret of the tests, long enough to be one"
NEW = "another secret of the tests, long enough to be one"


async def stored(api: Api) -> list[bytes]:
    async with api.database.read() as session:
        return list((await session.scalars(select(TotpFactor.secret))).all())


async def counted(api: Api, *keys: str) -> tuple[int, int]:
    found = await count_secrets(api.database, metadata, KeyRing(keys))
    return found.former, found.unreadable


async def test_an_app_goes_on_with_a_new_key(
    api: Api, clock: SettableClock, start: StartApp, settings: Settings
):
    app = await enrol(await api.host(), clock)
    there = await start(secret_key=SecretStr(NEW), secret_key_previous=settings.secret_key)
    assert (await redeem(there, await ticket(there), code=app.code())).status_code == 200


async def test_renewed_secrets_need_the_former_key_no_more(
    api: Api, clock: SettableClock, start: StartApp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(renewal, "BATCH", 2)
    app = await enrol(await api.host(), clock)
    for number in range(4):
        await enrol(await api.host(f"h{number}@example.com", f"Host{number}"), clock)
    assert await counted(api, NEW, OLD) == (5, 0)
    assert await renew_secrets(api.database, metadata, KeyRing([NEW, OLD])) == 5
    assert await counted(api, NEW) == (0, 0)
    assert await renew_secrets(api.database, metadata, KeyRing([NEW, OLD])) == 0
    there = await start(secret_key=SecretStr(NEW))
    assert (await redeem(there, await ticket(there), code=app.code())).status_code == 200


async def test_a_secret_that_no_key_reads_is_counted_and_left(api: Api, clock: SettableClock):
    await enrol(await api.host(), clock)
    before = await stored(api)
    assert await counted(api, NEW) == (0, 1)
    assert await renew_secrets(api.database, metadata, KeyRing([NEW])) == 0
    assert await stored(api) == before


async def test_a_lost_key_refuses_codes_and_leaves_recovery_codes(
    api: Api, clock: SettableClock, start: StartApp
):
    app = await enrol(await api.host(), clock)
    there = await start(secret_key=SecretStr(NEW))
    refused = await redeem(there, await ticket(there), code=app.code())
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_code")
    code = app.recovery_codes[0]
    assert (await redeem(there, await ticket(there), code=code)).status_code == 200


async def test_the_command_renews_and_the_doctor_counts(
    api: Api, clock: SettableClock, settings: Settings
):
    await enrol(await api.host(), clock)
    rotated = settings.model_copy(
        update={"secret_key": SecretStr(NEW), "secret_key_previous": SecretStr(OLD)}
    )
    lost = settings.model_copy(update={"secret_key": SecretStr(NEW)})

    async def finding(of: Settings) -> tuple[Health, str]:
        found = {each.part: each for each in await asyncio.to_thread(examine, of)}["secrets"]
        return found.health, found.says.split()[0]

    assert await finding(rotated) == (Health.WARNING, "1")
    assert await finding(lost) == (Health.FAULT, "1")
    assert await migrations.renew_stored_secrets(rotated.database_url, rotated.key_ring) == 1
    assert await finding(lost) == (Health.OK, "SECRET_KEY")
    [secret] = await stored(api)
    with pytest.raises(UnreadableSecret):
        Encryption(KeyRing([OLD]), TOTP_SECRETS).decrypt(secret)
