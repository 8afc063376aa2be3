"""Where only the directory signs people in, and second factors beside it."""

from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.security.passwords import PasswordHasher
from tests.auth.factors import enrol, register
from tests.directory.conftest import Configure
from tests.directory.sign_in import Page
from tests.support.api import PASSWORD, Api, Client
from tests.support.forger import Forger
from tests.support.mailbox import Mailbox
from tests.support.passkeys import SoftKey
from tests.support.problems import problem


async def login(api: Api, email: str, password: str = PASSWORD) -> httpx.Response:
    return await api.http.post("/api/auth/login/", json={"email": email, "password": password})


async def oauth(api: Api, email: str, password: str = PASSWORD) -> httpx.Response:
    form = {"username": email, "password": password}
    return await api.http.post("/api/auth/token/", data=form)


@pytest.mark.parametrize("ask", [login, oauth])
@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("charles@example.com", PASSWORD),
        ("charles@example.com", "wrong"),
        ("desk@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("root@example.com", "wrong"),
    ],
)
async def test_no_password_signs_in(
    api: Api, configure: Configure, ask: Any, email: str, password: str
):
    await api.host()
    await api.admin()
    await api.superadmin()
    configure(oidc_required=True)
    found = problem(await ask(api, email, password), 401, "invalid_credentials")
    assert found["directory_required"] is True


async def test_where_it_is_not_required_nothing_is_said_of_it(api: Api):
    found = problem(await login(api, "nobody@example.com"), 401, "invalid_credentials")
    assert "directory_required" not in found


async def test_a_right_password_counts_as_a_guess(api: Api, configure: Configure):
    await api.host()
    configure(oidc_required=True, login_limit_per_account="3/hour")
    answers = [await login(api, "charles@example.com") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


@pytest.mark.parametrize("email", ["charles@example.com", "nobody@example.com"])
async def test_every_password_takes_one_hash(
    api: Api, configure: Configure, monkeypatch: pytest.MonkeyPatch, email: str
):
    await api.host()
    configure(oidc_required=True)
    checked: list[str] = []
    check = PasswordHasher._verify

    def counted(self: PasswordHasher, password: str, hashed: str) -> bool:
        checked.append(password)
        return check(self, password, hashed)

    monkeypatch.setattr(PasswordHasher, "_verify", counted)
    await login(api, email)
    assert checked == [PASSWORD]


async def test_passkeys_stay(api: Api, configure: Configure):
    host, key = await api.host(), SoftKey()
    assert (await register(host, key)).status_code == 201
    configure(oidc_required=True)
    options = await api.http.post("/api/auth/passkeys/sign-in/options/")
    body = {"credential": key.get(options.json())}
    answer = await api.http.post("/api/auth/passkeys/sign-in/", json=body)
    assert answer.json()["user"]["id"] == host.user_id


async def test_nobody_is_mailed_a_link(
    api: Api, configure: Configure, mailbox: Mailbox, page: Page
):
    await api.host()
    configure(oidc_required=True, registration="domain", registration_domains=["example.com"])
    body = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    assert (await page.http.post("/api/auth/register/", json=body)).status_code == 202
    for email in ("ada@example.com", "charles@example.com"):
        answer = await page.http.post("/api/auth/forgot-password/", json={"email": email})
        assert answer.status_code == 202
    assert await mailbox.deliver() == []


async def test_a_new_account_is_mailed_no_link_but_to_a_superadmin(
    api: Api, configure: Configure, clock: SettableClock, mailbox: Mailbox
):
    root = await api.superadmin()
    await enrol(root, clock)
    configure(oidc_required=True)
    for role in ("host", "superadmin"):
        body = {"email": f"{role}@example.com", "first_name": "Ada", "last_name": role.title()}
        # Only the password of a superadmin may ever sign in.
        assert (await root.post("auth/users/", body | {"role": role})).status_code == 201
    links = [
        mail["To"] for mail in await mailbox.deliver() if "account is ready" in mail["Subject"]
    ]
    assert links == ["Ada Superadmin <superadmin@example.com>"]


async def test_a_superadmin_without_second_factor_may_only_enrol(
    api: Api, configure: Configure, clock: SettableClock
):
    await api.superadmin()
    configure(oidc_required=True)
    answer = await login(api, "root@example.com")
    assert answer.status_code == 200
    root = Client(api.http, {"Authorization": f"Bearer {answer.json()['access']}"}, "")
    assert (await root.get("auth/me/")).json()["second_factor"]["required"] is True
    problem(await root.get("auth/users/"), 403, "second_factor_missing")
    await enrol(root, clock)
    assert (await root.get("auth/users/")).status_code == 200


async def test_a_superadmin_with_second_factor_may_use_the_password(
    api: Api, configure: Configure, clock: SettableClock
):
    app = await enrol(await api.superadmin(), clock)
    configure(oidc_required=True)
    ticket = problem(await login(api, "root@example.com"), 401, "second_factor_required")["ticket"]
    answer = await api.http.post(
        "/api/auth/login/second-factor/", json={"ticket": ticket, "code": app.code()}
    )
    assert answer.status_code == 200


async def test_the_directory_signs_in(page: Page, forger: Forger, configure: Configure):
    configure(oidc_required=True, oidc_role_map={"it": "superadmin"})
    forger.claims = {"groups": ["it"]}
    answer = await page.redeem(await page.forged(forger))
    assert answer.status_code == 200
    me = {"Authorization": f"Bearer {answer.json()['access']}"}
    assert (await page.http.get("/api/auth/users/", headers=me)).status_code == 200


# Second factors


async def test_the_first_link_waits_for_the_second_factor(
    page: Page,
    forger: Forger,
    api: Api,
    clock: SettableClock,
    configure: Configure,
    mailbox: Mailbox,
):
    """Whatever the directory has checked itself."""
    configure(oidc_domains=["example.com"], oidc_trust_mfa=True)
    root = await api.superadmin("ada@example.com")
    app = await enrol(root, clock)
    forger.claims = {"amr": ["pwd", "mfa"]}
    first = problem(await page.redeem(await page.forged(forger)), 401, "second_factor_required")
    assert "totp" in first["methods"]
    subjects = [mail["Subject"] for mail in await mailbox.deliver()]
    assert not [subject for subject in subjects if "company" in subject]
    body = {"ticket": first["ticket"], "code": app.code()}
    done = await page.http.post("/api/auth/login/second-factor/", json=body)
    assert done.status_code == 200, done.text
    subjects = [mail["Subject"] for mail in await mailbox.deliver()]
    assert len([subject for subject in subjects if "company" in subject]) == 1
    # It is linked now, and the directory's second factor counts.
    again = await page.redeem(await page.forged(forger))
    assert again.json()["user"]["id"] == root.user_id


@pytest.mark.parametrize(
    ("claims", "trust", "status"),
    [
        ({"amr": ["pwd"]}, False, 401),
        ({"amr": "pwd"}, False, 401),
        ({}, False, 401),
        ({"amr": ["pwd", "mfa"]}, False, 200),
        ({}, True, 200),
    ],
)
async def test_the_directorys_second_factor_counts_where_it_says_so(
    page: Page,
    forger: Forger,
    clock: SettableClock,
    configure: Configure,
    claims: dict[str, Any],
    trust: bool,
    status: int,
):
    answer = (await page.redeem(await page.forged(forger))).json()
    headers = {"Authorization": f"Bearer {answer['access']}"}
    await enrol(Client(page.http, headers, answer["user"]["id"]), clock)
    configure(oidc_trust_mfa=trust)
    forger.claims = claims
    assert (await page.redeem(await page.forged(forger))).status_code == status


async def test_a_role_that_needs_a_second_factor_takes_the_directorys(
    page: Page, forger: Forger, configure: Configure
):
    configure(second_factor_roles=["host"])
    for claims, status in (({}, 403), ({"amr": ["mfa"]}, 200)):
        forger.claims = claims
        answer = await page.redeem(await page.forged(forger))
        me = {"Authorization": f"Bearer {answer.json()['access']}"}
        answer = await page.http.get("/api/auth/sessions/", headers=me)
        assert answer.status_code == status, answer.text
