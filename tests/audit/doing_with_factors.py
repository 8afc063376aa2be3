"""Calls that change second factors, sessions and delegates, for `doing.py`."""

import httpx

from app.core.clock import SettableClock
from tests.audit.scene import Doing, Scene
from tests.auth.factors import App, assertion, enrol, redeem, register, ticket
from tests.support.api import Client, app_of
from tests.support.passkeys import SoftKey

ROOT = "root@example.com"


async def _app(scene: Scene, client: Client | None = None) -> App:
    clock: SettableClock = app_of(scene.api).state.clock
    return await enrol(client or scene.root, clock)


async def _confirm_app(scene: Scene) -> httpx.Response:
    clock: SettableClock = app_of(scene.api).state.clock
    begun = await scene.root.post("auth/second-factor/totp/")
    app = App(begun.json()["secret"], clock)
    return await scene.root.post("auth/second-factor/totp/confirm/", {"code": app.code()})


async def _remove_app(scene: Scene) -> httpx.Response:
    await _app(scene)
    return await scene.root.delete("auth/second-factor/totp/")


async def _renew_codes(scene: Scene) -> httpx.Response:
    await _app(scene)
    return await scene.root.post("auth/second-factor/recovery-codes/")


async def _second_factor(scene: Scene) -> httpx.Response:
    app = await _app(scene)
    return await redeem(scene.api, await ticket(scene.api, ROOT), code=app.code())


async def _reset_factors(scene: Scene) -> httpx.Response:
    host = await scene.host()
    await _app(scene, host)
    return await scene.root.delete(f"auth/users/{host.user_id}/second-factor/")


async def _add_passkey(scene: Scene) -> httpx.Response:
    return await register(scene.root, SoftKey())


async def _remove_passkey(scene: Scene) -> httpx.Response:
    made = await _add_passkey(scene)
    return await scene.root.delete(f"auth/passkeys/{made.json()['id']}/")


async def _passkey_sign_in(scene: Scene) -> httpx.Response:
    key = SoftKey()
    await register(scene.root, key)
    body = {"credential": await assertion(scene.api, key)}
    return await scene.api.http.post("/api/auth/passkeys/sign-in/", json=body)


async def _own_delegates(scene: Scene) -> httpx.Response:
    body = {"user_ids": [(await scene.host()).user_id]}
    return await scene.root.put("auth/me/delegates/", body)


async def _delegates(scene: Scene) -> httpx.Response:
    host = await scene.host()
    return await scene.root.put(f"auth/users/{host.user_id}/delegates/", {"user_ids": []})


async def _end_sessions(scene: Scene) -> httpx.Response:
    return await scene.root.delete(f"auth/users/{(await scene.host()).user_id}/sessions/")


async def _end_session(scene: Scene) -> httpx.Response:
    path = f"auth/users/{(await scene.host()).user_id}/sessions/"
    session = (await scene.root.get(path)).json()["items"][0]["id"]
    return await scene.root.delete(f"{path}{session}/")


DONE_WITH_FACTORS: dict[str, tuple[str, Doing]] = {
    "POST /api/auth/second-factor/totp/confirm/": ("user.second_factor_added", _confirm_app),
    "DELETE /api/auth/second-factor/totp/": ("user.second_factor_removed", _remove_app),
    "POST /api/auth/second-factor/recovery-codes/": ("user.recovery_codes_renewed", _renew_codes),
    "POST /api/auth/login/second-factor/": ("user.signed_in", _second_factor),
    "DELETE /api/auth/users/{user_id}/second-factor/": (
        "user.second_factor_reset",
        _reset_factors,
    ),
    "POST /api/auth/passkeys/": ("user.second_factor_added", _add_passkey),
    "DELETE /api/auth/passkeys/{passkey_id}/": ("user.second_factor_removed", _remove_passkey),
    "POST /api/auth/passkeys/sign-in/": ("user.signed_in", _passkey_sign_in),
    "PUT /api/auth/me/delegates/": ("user.updated", _own_delegates),
    "PUT /api/auth/users/{user_id}/delegates/": ("user.updated", _delegates),
    "DELETE /api/auth/users/{user_id}/sessions/": ("user.session_ended", _end_sessions),
    "DELETE /api/auth/users/{user_id}/sessions/{session_id}/": (
        "user.session_ended",
        _end_session,
    ),
}
