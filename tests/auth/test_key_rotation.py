"""A new SECRET_KEY ends no session while the old one is SECRET_KEY_PREVIOUS."""

from pydantic import SecretStr

from app.settings import Settings
from tests.auth.conftest import StartApp
from tests.support.api import PASSWORD, Api, Client
from tests.support.problems import problem

NEW = SecretStr("another secret of the tests, long enough to be one")


async def rotated(start: StartApp, settings: Settings) -> Api:
    return await start(secret_key=NEW, secret_key_previous=settings.secret_key)


def elsewhere(client: Client, api: Api) -> Client:
    """Return the same caller with the same token, at another process."""
    return Client(api.http, client.headers, client.user_id)


async def refresh(api: Api, token: str) -> str:
    answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": token})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh"])


async def test_sessions_survive(api: Api, start: StartApp, settings: Settings):
    admin = await api.admin()
    body = {"email": "desk@example.com", "password": PASSWORD}
    tokens = (await api.http.post("/api/auth/login/", json=body)).json()
    after = await rotated(start, settings)
    assert (await elsewhere(admin, after).get("auth/me/")).status_code == 200
    renewed = await refresh(after, tokens["refresh"])
    finished = await start(secret_key=NEW)
    await refresh(finished, renewed)
    problem(await elsewhere(admin, finished).get("auth/me/"), 401, "not_authenticated")


async def test_codes_and_cursors_survive(api: Api, start: StartApp, settings: Settings):
    admin = await api.admin()
    visitors = [await admin.register(email=f"ada{n}@example.com") for n in range(3)]
    cursor = (await admin.get("visitors/", limit=1)).json()["next_cursor"]
    there = elsewhere(admin, await rotated(start, settings))
    page = (await there.get("visitors/", limit=1, cursor=cursor)).json()
    assert page["items"][0]["id"] == visitors[1]["id"]
    verdict = await there.scan(visitors[0]["qr_code"])
    assert verdict.json().get("code") != "unknown"
    assert verdict.status_code in {200, 409}


async def test_without_the_old_key_nothing_of_it_is_accepted(api: Api, start: StartApp):
    admin = await api.admin()
    visitors = [await admin.register(email=f"ada{n}@example.com") for n in range(2)]
    cursor = (await admin.get("visitors/", limit=1)).json()["next_cursor"]
    after = await start(secret_key=NEW)
    problem(await elsewhere(admin, after).get("auth/me/"), 401, "not_authenticated")
    there = await after.sign_in("desk@example.com", admin.user_id)
    problem(await there.get("visitors/", limit=1, cursor=cursor), 400, "invalid_cursor")
    problem(await there.scan(visitors[0]["qr_code"]), 404, "unknown")


async def test_the_old_process_reads_nothing_new(api: Api, start: StartApp, settings: Settings):
    admin = await api.admin()
    after = await rotated(start, settings)
    signed_in_there = await after.sign_in("desk@example.com", admin.user_id)
    problem(await elsewhere(signed_in_there, api).get("auth/me/"), 401, "not_authenticated")


async def test_a_process_that_knows_the_next_key_reads_what_it_signs(
    api: Api, start: StartApp, settings: Settings
):
    """Nobody is refused while processes are replaced one after the other."""
    told = await start(secret_key_previous=NEW)
    after = await rotated(start, settings)
    admin = await after.admin()
    code = (await admin.register())["qr_code"]
    there = elsewhere(admin, told)
    assert (await there.get("auth/me/")).status_code == 200
    assert (await there.scan(code)).json().get("code") != "unknown"
