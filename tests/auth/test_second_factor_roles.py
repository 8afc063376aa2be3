"""`SECOND_FACTOR_ROLES`: who lacks a second factor may only set one up."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.auth.caller import CallerRole
from app.auth.directory_link_service import DirectoryMail
from app.auth.errors import SecondFactorRequired
from app.auth.factor_limits import FactorLimits
from app.auth.factor_mails import FactorMails
from app.auth.factor_models import SignInMethod, SignInTicket
from app.auth.factor_service import FactorChecker
from app.auth.passkeys import RelyingParty
from app.auth.sign_in_service import SignIns
from app.commands.starting import warn_of_passwords_alone
from app.core.clock import SettableClock
from app.core.languages import Language
from app.settings import ROLES, Settings
from app.users.models import Role
from app.users.repository import UserReader
from tests.auth.conftest import StartApp
from tests.auth.factors import enrol, login, register
from tests.auth.test_permissions import OPERATIONS, SAMPLES
from tests.support.api import Api, Client, app_of
from tests.support.passkeys import SoftKey
from tests.support.problems import problem

ALLOWED = {
    "GET /api/auth/me/",
    "PATCH /api/auth/me/",
    "POST /api/auth/confirm/",
    "POST /api/auth/oidc/confirm/",
    "POST /api/auth/second-factor/totp/",
    "POST /api/auth/second-factor/totp/confirm/",
    "POST /api/auth/passkeys/options/",
    "POST /api/auth/passkeys/",
}


@pytest.fixture
async def strict(start: StartApp) -> Api:
    """Admins and hosts need a second factor."""
    return await start(second_factor_roles=["admin", "host"])


async def test_every_operation_but_enrolment_is_refused(strict: Api):
    admin = await strict.admin()
    allowed = set()
    for name, operation in OPERATIONS.items():
        if operation.is_public or not operation.allows(CallerRole.ADMIN):
            continue
        sample = SAMPLES[name]
        answer = await admin.request(operation.method, sample.path, **sample.options)
        if answer.status_code == 403 and answer.json()["code"] == "second_factor_missing":
            continue
        assert answer.status_code < 500
        allowed.add(name)
    assert allowed == ALLOWED


def test_the_guards_of_all_routes_know_it():
    exempt = {
        name
        for name, operation in OPERATIONS.items()
        for guard in operation.guards
        if guard.without_factor
    }
    assert exempt == ALLOWED


async def test_refresh_and_logout_are_allowed(strict: Api):
    await strict.admin()
    tokens = (await login(strict, "desk@example.com")).json()
    body = {"refresh": tokens["refresh"]}
    refreshed = await strict.http.post("/api/auth/token/refresh/", json=body)
    assert refreshed.status_code == 200
    body = {"refresh": refreshed.json()["refresh"]}
    assert (await strict.http.post("/api/auth/logout/", json=body)).status_code == 204


async def test_after_enrolment_the_session_goes_on(strict: Api, clock: SettableClock):
    admin = await strict.admin()
    assert (await admin.get("auth/me/")).json()["second_factor"]["required"] is True
    problem(await admin.get("visitors/"), 403, "second_factor_missing")
    await enrol(admin, clock)
    assert (await admin.get("visitors/")).status_code == 200


@pytest.mark.parametrize("by_passkey", [False, True])
async def test_it_opens_no_session_that_a_password_alone_began(
    strict: Api, clock: SettableClock, *, by_passkey: bool
):
    admin = await strict.admin()
    stolen = (await login(strict, "desk@example.com")).json()
    thief = Client(strict.http, {"Authorization": f"Bearer {stolen['access']}"}, admin.user_id)
    problem(await thief.get("visitors/"), 403, "second_factor_missing")
    await (register(admin, SoftKey()) if by_passkey else enrol(admin, clock))
    problem(await thief.get("visitors/"), 401, "not_authenticated")
    body = {"refresh": stolen["refresh"]}
    problem(await strict.http.post("/api/auth/token/refresh/", json=body), 401, "invalid_token")
    assert (await admin.get("visitors/")).status_code == 200


async def test_a_passkey_is_a_second_factor(strict: Api):
    admin = await strict.admin()
    await register(admin, SoftKey())
    assert (await admin.get("visitors/")).status_code == 200


async def test_whoever_removes_the_last_one_has_to_set_up_another(
    strict: Api, clock: SettableClock
):
    admin = await strict.admin()
    await enrol(admin, clock)
    await admin.delete("auth/second-factor/totp/")
    problem(await admin.get("visitors/"), 403, "second_factor_missing")


async def test_it_holds_in_sessions_that_are_open(api: Api, strict: Api):
    admin = await api.admin()
    assert (await admin.get("visitors/")).status_code == 200
    there = Client(strict.http, admin.headers, admin.user_id)
    problem(await there.get("visitors/"), 403, "second_factor_missing")


async def test_other_roles_need_none(strict: Api):
    root = await strict.superadmin()
    assert (await root.get("visitors/")).status_code == 200
    assert (await root.get("auth/me/")).json()["second_factor"]["required"] is False


def test_the_settings_know_the_roles(settings: Settings):
    assert set(Role) <= ROLES
    with pytest.raises(ValidationError, match="boss"):
        Settings(**(settings.model_dump() | {"second_factor_roles": "admin, boss"}))


def test_the_start_warns_if_superadmins_need_no_factor(
    settings: Settings, log: Callable[[], list[dict[str, Any]]]
):
    def warned(**changes: Any) -> bool:
        warn_of_passwords_alone(settings.model_copy(update=changes))
        return any("SECOND_FACTOR_ROLES" in line["event"] for line in log())

    assert warned(debug=False)
    assert warned(debug=False, second_factor_roles=["admin"])
    assert not warned(debug=False, second_factor_roles=["superadmin"])
    assert not warned(debug=True)


@pytest.mark.parametrize("checked", [True, False])
async def test_a_second_factor_of_the_directory_holds_for_its_session(
    strict: Api, clock: SettableClock, checked: bool
):
    admin = await strict.admin()
    ways = sign_ins(strict, clock)
    async with strict.database.read() as session:
        user = await UserReader(session).get(UUID(admin.user_id))
    assert user is not None
    done = await ways.complete(user, SignInMethod.DIRECTORY, has_second_factor=checked)
    bearer = {"Authorization": f"Bearer {done.tokens.access}"}
    answer = await strict.http.get("/api/visitors/", headers=bearer)
    assert answer.status_code == (200 if checked else 403)


async def test_a_factor_is_asked_for_unless_the_directory_did(api: Api, clock: SettableClock):
    await enrol(host := await api.host(), clock)
    ways = sign_ins(api, clock)
    async with api.database.read() as session:
        user = await UserReader(session).get(UUID(host.user_id))
    assert user is not None
    done = await ways.complete(user, SignInMethod.DIRECTORY, has_second_factor=True)
    assert done.user.email == "charles@example.com"
    with pytest.raises(SecondFactorRequired) as refused:
        await ways.complete(user, SignInMethod.DIRECTORY, context={"subject": "ada"})
    assert refused.value.members["methods"] == ["totp", "recovery_code"]
    async with api.database.read() as session:
        kept = await session.scalar(select(SignInTicket))
    assert kept is not None
    assert (kept.method, kept.context) == (SignInMethod.DIRECTORY, {"subject": "ada"})


def sign_ins(api: Api, clock: SettableClock) -> SignIns:
    """Return what the routes complete sign-ins with."""
    ours = app_of(api).state
    checker = FactorChecker(
        ours.totp_secrets,
        RelyingParty.of(None, ours.settings.pages),
        FactorMails(ours.wake_outbox, Language.ENGLISH),
        clock.now(),
    )
    limits = FactorLimits(ours.limiter, "50/15minute")
    mail = DirectoryMail(ours.wake_outbox, Language.ENGLISH)
    return SignIns(api.database, ours.tokens, limits, checker, mail, clock.now(), None, None)
