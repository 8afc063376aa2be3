"""Every example of a request, sent as it is, succeeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from app.auth.models import AccountLink
from app.core.db.database import Database
from app.settings import Settings
from app.users.account_service import create_development_accounts
from app.users.models import User
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.database import change_default_site
from tests.support.things import one_of_each
from tools.write_permissions import documented_app

Json = dict[str, Any]
DOCUMENT = documented_app().openapi()
# A document has no valid tokens; these are the responses to well-formed invalid ones.
OF_NOBODY = {
    "auth_refresh": "invalid_token",
    "auth_logout": "invalid_token",
    "auth_accept_invitation": "invalid_link",
    "auth_verify_email": "invalid_link",
    "auth_reset_password": "invalid_link",
    "auth_second_factor": "invalid_ticket",
    "auth_directory_token": "not_found",  # without a directory
    "auth_directory_confirm": "not_found",
    "musters_start": "muster_open",  # one of each thing is there
    "passkeys_create": "invalid",
    "passkeys_sign_in": "invalid_credentials",
    "passkeys_update": "not_found",
    "second_factor_confirm_totp": "enrolment_not_started",
    "sites_check_out_all": "count_changed",  # nobody is inside
    "visitors_check_out": "invalid_transition",  # the visitor has not come in
    "visitors_undo": "nothing_to_undo",
    "visitors_verify_qr": "unknown",
}
ADA = {"email": "ada@example.com", "password": "analytical engine"}


@dataclass(frozen=True)
class Example:
    """A body of an operation; `form` is its name."""

    operation: Json
    method: str
    path: str
    form: str
    body: Json

    def __str__(self) -> str:
        return f"{self.operation['operationId']} {self.form}"


def examples() -> Iterator[Example]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for form in body.get("examples", ()):
                value = DOCUMENT["components"]["examples"][form]["value"]
                yield Example(operation, method.upper(), path, form, value)


async def caller(api: Api, example: Example) -> Client:
    """Return a plausible sender: a kiosk, Ada with her own password, a superadmin, or nobody."""
    if example.form == "WalkIn":
        return await add_device(api, "kiosk")
    if example.form in {"PasswordChange", "Confirmation"}:
        return await ada(api)
    if example.operation["security"] == []:
        return Client(api.http, {}, "")
    return await api.superadmin("another@example.com")


async def ada(api: Api) -> Client:
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    assert (await api.http.post("/api/auth/register/", json=ADA | names)).status_code == 201
    answer = await api.http.post("/api/auth/login/", json=ADA)
    return Client(api.http, {"Authorization": f"Bearer {answer.json()['access']}"}, "")


async def host_with_id(root: Client, database: Database, user_id: str, first_name: str) -> None:
    body = {"email": f"{first_name}@example.com", "first_name": first_name, "last_name": "Host"}
    made = (await root.post("auth/users/", body | {"role": "host"})).json()
    async with database.write() as unit:
        await unit.write(delete(AccountLink))
        await unit.write(update(User).where(User.id == UUID(made["id"])).values(id=UUID(user_id)))


async def there(api: Api, database: Database) -> dict[str, str]:
    """Return what the examples assume: a site that is open, a host, things to change."""
    await change_default_site(database, opens_at=time(0))
    root = await api.superadmin()
    things = await one_of_each(root)
    known = DOCUMENT["components"]["examples"]["WalkIn"]["value"]["host_id"]
    await host_with_id(root, database, known, "Grace")
    to = DOCUMENT["components"]["examples"]["HandOverTo"]["value"]["to"]
    await host_with_id(root, database, to, "Mary")
    made = await root.post(f"musters/{things['muster_id']}/links/", {"name": "Mary"})
    link = made.json()["url"].rsplit("/", 1)[1]
    return things | {"user_id": known, "passkey_id": known, "link": link}


@pytest.mark.parametrize("example", list(examples()), ids=str)
async def test_an_example_does_what_it_says(
    api: Api, database: Database, settings: Settings, example: Example
):
    await create_development_accounts(settings)
    things = await there(api, database)
    path = example.path.format(**things)
    client = await caller(api, example)
    answer = await api.http.request(example.method, path, json=example.body, headers=client.headers)
    refusal = OF_NOBODY.get(example.operation["operationId"])
    if refusal:
        assert answer.json()["code"] == refusal
    else:
        assert answer.is_success, answer.text


def test_every_body_in_json_has_an_example():
    shown = {id(example.operation) for example in examples()}
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                assert id(operation) in shown, operation["operationId"]


def test_a_scan_that_opened_has_no_code_of_a_refusal():
    shown = {name: example["value"] for name, example in DOCUMENT["components"]["examples"].items()}
    scans = [
        *shown["OfflineScanResults"]["results"],
        *shown["KeptScanPage"]["items"],
        *shown["PersonalData"]["scans"],
    ]
    for scan in scans:
        assert (scan["verdict"], scan["code"], scan["message"]) == ("admitted", None, "Welcome")
    assert shown["ScanAccepted"]["message"] == "Welcome"
