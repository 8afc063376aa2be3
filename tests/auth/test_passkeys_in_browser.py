"""Passkeys in Chromium, with a virtual authenticator; the page is the tests' own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, Route

from tests.auth.conftest import StartApp
from tests.auth.factors import ticket
from tests.support.api import PASSWORD, Api, Client, app_of
from tests.support.serving import served

PAGE = "<!doctype html><html lang=en><title>Passkeys</title><p>Passkeys"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
SEND = """
const send = async (path, body, bearer) => {
  const headers = {"Content-Type": "application/json"};
  if (bearer) headers.Authorization = bearer;
  const sent = {method: "POST", headers, body: body && JSON.stringify(body)};
  const answer = await fetch(`/api/auth/${path}`, sent);
  return {status: answer.status, body: await answer.json()};
};
"""
REGISTER = f"""async bearer => {{ {SEND}
  const {{body: options}} = await send("passkeys/options/", null, bearer);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  try {{
    const credential = (await navigator.credentials.create({{publicKey}})).toJSON();
    return await send("passkeys/", {{name: "Chromium", credential}}, bearer);
  }} catch (error) {{ return error.name; }}
}}"""
SIGN_IN = f"""async ([path, more]) => {{ {SEND}
  const {{body: options}} = await send("passkeys/sign-in/options/");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  try {{
    const credential = (await navigator.credentials.get({{publicKey}})).toJSON();
    return await send(path, {{...more, credential}});
  }} catch (error) {{ return error.name; }}
}}"""


@dataclass
class Desk:
    """A page with an authenticator, and an account that is signed in."""

    page: Page
    api: Api
    host: Client
    devtools: CDPSession
    authenticator: str

    async def register(self) -> Any:
        return await self.page.evaluate(REGISTER, self.host.headers["Authorization"])

    async def sign_in(self, path: str = "passkeys/sign-in/", **more: str) -> Any:
        return await self.page.evaluate(SIGN_IN, [path, more])


@pytest.fixture
async def desk(page: Page, start: StartApp) -> AsyncIterator[Desk]:
    api = await start()
    app = app_of(api)
    async with served(app) as address:
        origin = address.replace("127.0.0.1", "localhost")  # an address is no domain
        app.state.settings = app.state.settings.model_copy(update={"frontend_url": origin})

        async def show(route: Route) -> None:
            await route.fulfill(body=PAGE, content_type="text/html")

        await page.route(f"{origin}/page", show)
        await page.goto(f"{origin}/page")
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        options = {"options": AUTHENTICATOR}
        added = await devtools.send("WebAuthn.addVirtualAuthenticator", options)
        yield Desk(page, api, await api.host(), devtools, added["authenticatorId"])


async def test_a_browser_registers_and_signs_in_twice(desk: Desk):
    made = await desk.register()
    assert (made["status"], made["body"]["name"]) == (201, "Chromium")
    for _ in range(2):
        signed_in = await desk.sign_in()
        assert signed_in["status"] == 200
        assert signed_in["body"]["user"]["id"] == desk.host.user_id


async def test_a_browser_completes_a_sign_in_by_password(desk: Desk):
    await desk.register()
    signed_in = await desk.sign_in("login/second-factor/", ticket=await ticket(desk.api))
    assert signed_in["status"] == 200


async def test_an_authenticator_registers_one_passkey_for_an_account(desk: Desk):
    await desk.register()
    assert await desk.register() == "InvalidStateError"


async def test_an_authenticator_must_verify_the_user(desk: Desk):
    await desk.register()
    verified = {"authenticatorId": desk.authenticator, "isUserVerified": False}
    await desk.devtools.send("WebAuthn.setUserVerified", verified)
    assert await desk.sign_in() == "NotAllowedError"


async def test_the_desks_page_signs_in_by_passkey(desk: Desk):
    await desk.register()
    page = desk.page
    await page.goto(page.url.replace("/page", "/reception/"))
    await page.get_by_role("button", name="Use a passkey").click()
    await page.get_by_text("Your account has no desk").wait_for()  # a host's


async def test_a_passkey_is_a_second_factor_at_the_desks_page(desk: Desk):
    await desk.register()
    page = desk.page
    await page.goto(page.url.replace("/page", "/reception/"))
    await page.get_by_label("E-mail").fill("charles@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Start over").wait_for()
    await page.get_by_role("button", name="Use a passkey").click()
    await page.get_by_text("Your account has no desk").wait_for()
