"""Signing in with an authenticator app or a recovery code."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.auth.factor_models import SignInTicket, TotpFactor
from app.core.clock import SettableClock
from tests.auth.factors import STEP, App, assertion, enrol, login, redeem, register, ticket
from tests.support.api import PASSWORD, Api, Client
from tests.support.passkeys import SoftKey
from tests.support.problems import problem


@pytest.fixture
async def host(api: Api) -> Client:
    return await api.host()


@pytest.fixture
async def app_of_host(host: Client, clock: SettableClock) -> App:
    return await enrol(host, clock)


async def test_a_password_gets_a_ticket_and_the_code_the_session(api: Api, app_of_host: App):
    refused = problem(await login(api), 401, "second_factor_required")
    assert refused["methods"] == ["totp", "recovery_code"]
    answer = await redeem(api, refused["ticket"], code=app_of_host.code())
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access", "refresh", "token_type", "expires_in", "user"}
    bearer = {"Authorization": f"Bearer {answer.json()['access']}"}
    assert (await api.http.get("/api/auth/me/", headers=bearer)).status_code == 200


async def test_the_oauth_form_gets_a_ticket_too(api: Api, app_of_host: App):
    form = {"username": "charles@example.com", "password": PASSWORD}
    refused = problem(
        await api.http.post("/api/auth/token/", data=form), 401, "second_factor_required"
    )
    answer = await redeem(api, refused["ticket"], code=app_of_host.code())
    assert answer.status_code == 200


async def test_a_step_is_accepted_once(api: Api, app_of_host: App):
    assert (await redeem(api, await ticket(api), code=app_of_host.code())).status_code == 200
    problem(await redeem(api, await ticket(api), code=app_of_host.code()), 401, "invalid_code")


async def test_enrolment_uses_its_step_up(api: Api, app_of_host: App):
    problem(await redeem(api, await ticket(api), code=app_of_host.code(-1)), 401, "invalid_code")


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_clocks_may_differ_by_a_step(
    api: Api, app_of_host: App, clock: SettableClock, steps: int
):
    clock.advance(timedelta(seconds=2 * STEP))
    assert (await redeem(api, await ticket(api), code=app_of_host.code(steps))).status_code == 200


@pytest.mark.parametrize("steps", [-2, 2])
async def test_clocks_may_not_differ_by_two_steps(
    api: Api, app_of_host: App, clock: SettableClock, steps: int
):
    clock.advance(timedelta(seconds=4 * STEP))
    answer = await redeem(api, await ticket(api), code=app_of_host.code(steps))
    problem(answer, 401, "invalid_code")


async def test_an_earlier_step_than_the_last_is_used_up_too(
    api: Api, app_of_host: App, clock: SettableClock
):
    clock.advance(timedelta(seconds=4 * STEP))
    assert (await redeem(api, await ticket(api), code=app_of_host.code(1))).status_code == 200
    problem(await redeem(api, await ticket(api), code=app_of_host.code()), 401, "invalid_code")


async def test_full_width_digits_are_no_code(api: Api, app_of_host: App):
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in app_of_host.code())
    problem(await redeem(api, await ticket(api), code=wide), 401, "invalid_code")


async def test_a_code_may_be_written_in_groups(api: Api, app_of_host: App):
    code = app_of_host.code()
    answer = await redeem(api, await ticket(api), code=f" {code[:3]} {code[3:]} ")
    assert answer.status_code == 200


async def test_a_ticket_works_once(api: Api, app_of_host: App, clock: SettableClock):
    first = await ticket(api)
    assert (await redeem(api, first, code=app_of_host.code())).status_code == 200
    clock.advance(timedelta(seconds=STEP))
    problem(await redeem(api, first, code=app_of_host.code()), 401, "invalid_ticket")


async def test_a_ticket_ends_after_five_minutes(api: Api, app_of_host: App, clock: SettableClock):
    first, second = await ticket(api), await ticket(api)
    clock.advance(timedelta(minutes=4, seconds=59))
    assert (await redeem(api, first, code=app_of_host.code())).status_code == 200
    clock.advance(timedelta(seconds=1))
    problem(await redeem(api, second, code=app_of_host.code(1)), 401, "invalid_ticket")


async def test_a_made_up_ticket_is_invalid(api: Api, app_of_host: App):
    problem(await redeem(api, "made up", code=app_of_host.code()), 401, "invalid_ticket")


async def test_five_wrong_codes_end_a_ticket(api: Api, app_of_host: App):
    first = await ticket(api)
    for _ in range(5):
        problem(await redeem(api, first, code=app_of_host.wrong()), 401, "invalid_code")
    problem(await redeem(api, first, code=app_of_host.code()), 401, "invalid_ticket")
    assert (await redeem(api, await ticket(api), code=app_of_host.code())).status_code == 200


async def test_ten_wrong_codes_in_15_minutes_lock_the_account(api: Api, app_of_host: App):
    for _ in range(2):
        each = await ticket(api)
        for _ in range(5):
            problem(await redeem(api, each, code=app_of_host.wrong()), 401, "invalid_code")
    answer = await redeem(api, await ticket(api), code=app_of_host.code())
    problem(answer, 429, "too_many_requests")
    assert 0 < int(answer.headers["Retry-After"]) <= 900


async def test_right_codes_count_for_nothing(api: Api, app_of_host: App, clock: SettableClock):
    for _ in range(11):
        assert (await redeem(api, await ticket(api), code=app_of_host.code())).status_code == 200
        clock.advance(timedelta(seconds=STEP))


async def test_at_the_same_moment_a_ticket_works_once(api: Api, app_of_host: App):
    """Codes of different steps: the ticket alone decides."""
    one = await ticket(api)
    codes = (app_of_host.code(), app_of_host.code(1))
    answers = await asyncio.gather(*(redeem(api, one, code=code) for code in codes))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_at_the_same_moment_a_code_works_once(api: Api, app_of_host: App):
    tickets = [await ticket(api) for _ in range(4)]
    code = app_of_host.code()
    answers = await asyncio.gather(*(redeem(api, one, code=code) for one in tickets))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_guesses_at_the_same_moment_are_all_counted(api: Api, app_of_host: App):
    one, wrong = await ticket(api), app_of_host.wrong()
    answers = await asyncio.gather(*(redeem(api, one, code=wrong) for _ in range(8)))
    codes = [answer.json()["code"] for answer in answers]
    assert sorted(codes) == ["invalid_code"] * 5 + ["invalid_ticket"] * 3


async def test_a_recovery_code_works_once(api: Api, host: Client, app_of_host: App):
    code = app_of_host.recovery_codes[0]
    assert (await redeem(api, await ticket(api), code=code)).status_code == 200
    problem(await redeem(api, await ticket(api), code=code), 401, "invalid_code")
    left = (await host.get("auth/me/")).json()["second_factor"]["recovery_codes_left"]
    assert left == 9


async def test_at_the_same_moment_a_recovery_code_works_once(api: Api, app_of_host: App):
    tickets = [await ticket(api) for _ in range(3)]
    code = app_of_host.recovery_codes[0]
    answers = await asyncio.gather(*(redeem(api, one, code=code) for one in tickets))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_a_recovery_code_may_be_written_otherwise(api: Api, app_of_host: App):
    written = app_of_host.recovery_codes[0].upper().replace("-", " ").replace("0", "O")
    assert (await redeem(api, await ticket(api), code=written)).status_code == 200


async def test_neither_secrets_nor_tickets_nor_codes_are_stored_as_they_are(
    api: Api, app_of_host: App
):
    given = await ticket(api)
    async with api.database.read() as session:
        secret = await session.scalar(select(TotpFactor.secret))
        hashed = await session.scalar(select(SignInTicket.ticket_hash))
    assert secret is not None
    assert app_of_host.secret.encode() not in secret
    assert hashed is not None
    assert given.encode() not in hashed


async def test_changed_passwords_end_tickets(api: Api, host: Client, app_of_host: App):
    waiting = await ticket(api)
    change = {"old_password": PASSWORD, "new_password": "another fine password"}
    assert (await host.post("auth/change-password/", change)).status_code == 204
    problem(await redeem(api, waiting, code=app_of_host.code()), 401, "invalid_ticket")


async def test_closed_and_deleted_accounts_have_no_tickets(
    api: Api, host: Client, app_of_host: App
):
    waiting, root = await ticket(api), await api.superadmin()
    await root.patch(f"auth/users/{host.user_id}/", {"is_active": False})
    problem(await redeem(api, waiting, code=app_of_host.code()), 401, "invalid_ticket")
    await root.patch(f"auth/users/{host.user_id}/", {"is_active": True})
    waiting = await ticket(api)
    await root.delete(f"auth/users/{host.user_id}/")
    problem(await redeem(api, waiting, code=app_of_host.code()), 401, "invalid_ticket")
    async with api.database.read() as session:
        assert await session.scalar(select(func.count(SignInTicket.id))) == 0


@pytest.mark.parametrize("proof", [{}, {"code": "123456", "credential": {}}])
async def test_a_ticket_needs_one_proof(api: Api, proof: dict[str, object]):
    problem(await redeem(api, "made up", **proof), 422, "invalid")


async def test_nothing_of_a_second_factor_is_logged(
    api: Api, host: Client, clock: SettableClock, log: Callable[[], list[dict[str, Any]]]
):
    app = await enrol(host, clock)
    key, waiting = SoftKey(), await ticket(api)
    await register(host, key)
    credential = await assertion(api, key)
    secrets = [app.secret, *app.recovery_codes, app.code(), waiting, credential["id"]]
    for code in (app.wrong(), app.code(), app.recovery_codes[0], "x" * 101):
        await redeem(api, waiting, code=code)
    await api.http.post("/api/auth/passkeys/sign-in/", json={"credential": credential})
    lines = str(log())
    assert "second_factor_failed" in lines
    assert [secret for secret in secrets if secret in lines] == []
