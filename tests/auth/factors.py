"""Second factors of the callers of tests."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp

from app.core.clock import SettableClock
from tests.support.api import PASSWORD, Api, Client
from tests.support.passkeys import SoftKey
from tests.support.problems import problem

STEP = 30


@dataclass
class App:
    """An authenticator app that is set up, and the recovery codes."""

    secret: str
    clock: SettableClock
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, steps: int = 0) -> str:
        """Return the code of the present step, or one so many steps away."""
        return pyotp.TOTP(self.secret).at(int(self.clock.now().timestamp()) + steps * STEP)

    def wrong(self) -> str:
        right = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in (f"{number:06}" for number in range(10)) if code not in right)


async def enrol(client: Client, clock: SettableClock) -> App:
    """Set up an app, which has used up the step before the present one."""
    begun = await client.post("auth/second-factor/totp/")
    assert begun.status_code == 200, begun.text
    app = App(begun.json()["secret"], clock)
    done = await client.post("auth/second-factor/totp/confirm/", {"code": app.code(-1)})
    assert done.status_code == 200, done.text
    app.recovery_codes = done.json()["recovery_codes"]
    return app


async def register(client: Client, key: SoftKey, name: str = "Laptop") -> httpx.Response:
    options = await client.post("auth/passkeys/options/")
    assert options.status_code == 200, options.text
    body = {"name": name, "credential": key.create(options.json())}
    return await client.post("auth/passkeys/", body)


async def login(api: Api, email: str = "charles@example.com") -> httpx.Response:
    return await api.http.post("/api/auth/login/", json={"email": email, "password": PASSWORD})


async def ticket(api: Api, email: str = "charles@example.com") -> str:
    """Return the ticket of a sign-in that waits for the second factor."""
    found: str = problem(await login(api, email), 401, "second_factor_required")["ticket"]
    return found


async def redeem(api: Api, ticket: str, **proof: Any) -> httpx.Response:
    return await api.http.post("/api/auth/login/second-factor/", json={"ticket": ticket, **proof})


async def assertion(api: Api, key: SoftKey) -> dict[str, Any]:
    """Return the key's answer to new options."""
    options = await api.http.post("/api/auth/passkeys/sign-in/options/")
    assert options.status_code == 200, options.text
    return key.get(options.json())
