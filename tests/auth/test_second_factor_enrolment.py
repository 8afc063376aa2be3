"""Setting up, renewing and removing second factors, and what is mailed and recorded."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pyotp
import pytest
from sqlalchemy import select

from app.auth.factor_models import RecoveryCode
from app.core.clock import SettableClock
from app.core.db.rollout import Rollout
from tests.auth.factors import App, enrol, login, redeem, register, ticket
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, Client, app_of
from tests.support.mailbox import Mailbox, body_of
from tests.support.passkeys import SoftKey
from tests.support.problems import problem

TOTP = "auth/second-factor/totp/"
CONFIRM = "auth/second-factor/totp/confirm/"
CODES = "auth/second-factor/recovery-codes/"
NONE = {"totp": False, "passkeys": 0, "recovery_codes_left": 0, "required": False}


@pytest.fixture
async def host(api: Api) -> Client:
    return await api.host()


async def held(client: Client) -> dict[str, object]:
    found: dict[str, object] = (await client.get("auth/me/")).json()["second_factor"]
    return found


async def actions(client: Client) -> list[str]:
    """Return what happened to the account, newest first."""
    return [each["action"] for each in (await client.get("auth/events/")).json()["items"]]


async def test_an_app_is_shown_as_text_and_as_picture(host: Client):
    begun = (await host.post(TOTP)).json()
    read = pyotp.parse_uri(begun["uri"])
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.name) == (begun["secret"], "charles@example.com")
    assert len(begun["secret"]) == 32
    assert begun["qr_svg"].startswith("<svg ")
    assert "viewBox" in begun["qr_svg"]


async def test_an_app_that_nobody_confirms_harms_nobody(api: Api, host: Client):
    await host.post(TOTP)
    assert await held(host) == NONE
    assert (await login(api)).status_code == 200


async def test_a_wrong_code_confirms_nothing(api: Api, host: Client, clock: SettableClock):
    app = App((await host.post(TOTP)).json()["secret"], clock)
    problem(await host.post(CONFIRM, {"code": app.wrong()}), 401, "invalid_code")
    assert (await login(api)).status_code == 200
    assert (await host.post(CONFIRM, {"code": app.code()})).status_code == 200


async def test_only_an_app_that_was_begun_is_confirmed(
    api: Api, host: Client, clock: SettableClock
):
    problem(await host.post(CONFIRM, {"code": "123456"}), 409, "enrolment_not_started")
    app = App((await host.post(TOTP)).json()["secret"], clock)
    clock.advance(timedelta(hours=1))
    later = await api.sign_in("charles@example.com", host.user_id)
    problem(await later.post(CONFIRM, {"code": app.code()}), 409, "enrolment_not_started")


async def test_only_the_newest_app_that_was_begun_is_confirmed(host: Client, clock: SettableClock):
    first, second = [App((await host.post(TOTP)).json()["secret"], clock) for _ in range(2)]
    problem(await host.post(CONFIRM, {"code": first.code()}), 401, "invalid_code")
    assert (await host.post(CONFIRM, {"code": second.code()})).status_code == 200


async def test_ten_recovery_codes_are_shown_once(api: Api, host: Client, clock: SettableClock):
    app = await enrol(host, clock)
    assert len(set(app.recovery_codes)) == 10
    assert await held(host) == NONE | {"totp": True, "recovery_codes_left": 10}
    async with api.database.read() as session:
        stored = (await session.scalars(select(RecoveryCode.code_hash))).all()
    assert not {code.encode() for code in app.recovery_codes} & set(stored)


async def test_the_session_goes_on(api: Api, host: Client, clock: SettableClock):
    await enrol(host, clock)
    assert (await host.get("visitors/")).status_code == 200


async def test_another_app_replaces_the_first_once_it_is_confirmed(
    api: Api, host: Client, clock: SettableClock
):
    first = await enrol(host, clock)
    begun = await host.post(TOTP)
    assert (await redeem(api, await ticket(api), code=first.code())).status_code == 200
    clock.advance(timedelta(minutes=2))
    second = App(begun.json()["secret"], clock)
    codes = (await host.post(CONFIRM, {"code": second.code(-1)})).json()["recovery_codes"]
    problem(await redeem(api, await ticket(api), code=first.code()), 401, "invalid_code")
    problem(await redeem(api, await ticket(api), code=first.recovery_codes[0]), 401, "invalid_code")
    assert (await redeem(api, await ticket(api), code=second.code())).status_code == 200
    assert (await redeem(api, await ticket(api), code=codes[0])).status_code == 200


async def test_without_the_app_a_password_is_enough(api: Api, host: Client, clock: SettableClock):
    app = await enrol(host, clock)
    assert (await host.delete(TOTP)).status_code == 204
    assert await held(host) == NONE
    assert (await login(api)).status_code == 200
    problem(await host.delete(TOTP), 404, "not_found")
    problem(await host.post(CODES), 409, "no_second_factor")
    assert app.recovery_codes


async def test_recovery_codes_stay_while_there_is_a_passkey(host: Client, clock: SettableClock):
    await enrol(host, clock)
    await register(host, SoftKey())
    await host.delete(TOTP)
    assert await held(host) == NONE | {"passkeys": 1, "recovery_codes_left": 10}


async def test_new_recovery_codes_end_the_former(api: Api, host: Client, clock: SettableClock):
    app = await enrol(host, clock)
    new = (await host.post(CODES)).json()["recovery_codes"]
    assert len(set(new)) == 10
    former = app.recovery_codes[0]
    problem(await redeem(api, await ticket(api), code=former), 401, "invalid_code")
    assert (await redeem(api, await ticket(api), code=new[0])).status_code == 200


async def test_changes_of_second_factors_need_a_recent_sign_in(host: Client, clock: SettableClock):
    await enrol(host, clock)
    made = (await register(host, SoftKey())).json()
    clock.advance(timedelta(minutes=10))
    attempts: list[Callable[[], Awaitable[httpx.Response]]] = [
        lambda: host.post(TOTP),
        lambda: host.post(CONFIRM, {"code": "123456"}),
        lambda: host.delete(TOTP),
        lambda: host.post(CODES),
        lambda: host.post("auth/passkeys/options/"),
        lambda: host.post("auth/passkeys/", {"name": "x", "credential": {}}),
        lambda: host.delete(f"auth/passkeys/{made['id']}/"),
    ]
    for attempt in attempts:
        problem(await attempt(), 403, "reauthentication_required")


async def test_a_code_confirms_the_sign_in(host: Client, clock: SettableClock):
    app = await enrol(host, clock)
    clock.advance(timedelta(minutes=10))
    problem(await host.post(CODES), 403, "reauthentication_required")
    assert (await host.post("auth/confirm/", {"code": app.code()})).status_code == 204
    assert (await host.post(CODES)).status_code == 200
    again = await host.post("auth/confirm/", {"code": app.code()})
    problem(again, 401, "invalid_credentials")


async def test_a_recovery_code_confirms_the_sign_in_once(host: Client, clock: SettableClock):
    [code, *_] = (await enrol(host, clock)).recovery_codes
    assert (await host.post("auth/confirm/", {"code": code})).status_code == 204
    refused = problem(await host.post("auth/confirm/", {"code": code}), 401, "invalid_credentials")
    assert refused["detail"] == "The code or passkey is not accepted"


async def test_a_wrong_code_of_a_confirmation_counts_as_a_guess(
    api: Api, host: Client, clock: SettableClock
):
    app = await enrol(host, clock)
    for _ in range(10):
        answer = await host.post("auth/confirm/", {"code": app.wrong()})
        problem(answer, 401, "invalid_credentials")
    problem(await host.post("auth/confirm/", {"code": app.code()}), 429, "too_many_requests")
    problem(await redeem(api, await ticket(api), code=app.code()), 429, "too_many_requests")


@pytest.mark.parametrize("body", [{}, {"password": PASSWORD, "code": "123456"}])
async def test_a_confirmation_has_one_proof(host: Client, body: dict[str, str]):
    problem(await host.post("auth/confirm/", body), 422, "invalid")


async def test_a_reset_password_leaves_the_second_factor(
    api: Api, host: Client, clock: SettableClock, mailbox: Mailbox
):
    app = await enrol(host, clock)
    await api.http.post("/api/auth/forgot-password/", json={"email": "charles@example.com"})
    token = await newest_token(mailbox, "reset-password", "charles@example.com")
    body = {"token": token, "new_password": PASSWORD + "!"}
    assert (await api.http.post("/api/auth/reset-password/", json=body)).status_code == 204
    credentials = {"email": "charles@example.com", "password": PASSWORD + "!"}
    refused = await api.http.post("/api/auth/login/", json=credentials)
    given = problem(refused, 401, "second_factor_required")["ticket"]
    assert (await redeem(api, given, code=app.code())).status_code == 200


async def test_every_change_is_mailed_and_recorded(
    api: Api, host: Client, clock: SettableClock, mailbox: Mailbox
):
    app = await enrol(host, clock)
    made = (await register(host, SoftKey())).json()
    await redeem(api, await ticket(api), code=app.wrong())
    await redeem(api, await ticket(api), code=app.recovery_codes[0])
    await host.post(CODES)
    await host.delete(f"auth/passkeys/{made['id']}/")
    await host.delete(TOTP)
    assert (await actions(host))[:-1] == [
        "second_factor_removed",
        "second_factor_removed",
        "recovery_codes_renewed",
        "signed_in",
        "recovery_code_used",
        "second_factor_failed",
        "second_factor_added",
        "second_factor_added",
    ]
    mails = await mailbox.deliver()
    assert {mail["To"] for mail in mails} == {"Charles Babbage <charles@example.com>"}
    texts = [body_of(mail) for mail in mails]
    for words in (
        "authenticator app was added",
        "passkey was added",
        "recovery code was used",
        "has new recovery codes",
        "passkey was removed",
        "app of your account was removed",
    ):
        assert sum(words in " ".join(text.split()) for text in texts) == 1, words


async def test_a_mail_of_a_change_is_german_where_the_request_is(
    host: Client, clock: SettableClock, mailbox: Mailbox
):
    host.headers["Accept-Language"] = "de"
    await enrol(host, clock)
    [mail] = await mailbox.deliver()
    assert mail["Subject"] == "Der zweite Faktor Ihres Kontos wurde geändert"


async def test_during_an_update_nobody_sets_up_a_second_factor(
    api: Api, host: Client, monkeypatch: pytest.MonkeyPatch
):
    """Processes of the previous release would let them in without it."""
    async with api.database.write() as unit:
        unit.add(Rollout(revision="of a test", finished_at=None))
    monkeypatch.setattr(app_of(api).state.database, "rollout_is_finished", False)
    problem(await host.post(TOTP), 503, "update_under_way")
    problem(await host.post(CONFIRM, {"code": "123456"}), 503, "update_under_way")
    problem(await host.post("auth/passkeys/options/"), 503, "update_under_way")
    passkey = {"name": "x", "credential": SoftKey().get({"rpId": "localhost", "challenge": "YQ"})}
    problem(await host.post("auth/passkeys/", passkey), 503, "update_under_way")
