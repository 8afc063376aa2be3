"""What the page and the browser do in a sign-in by directory."""

import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from app.auth.directory_flow_service import CALLBACK, challenge_of
from tests.support.directory import Person
from tests.support.forger import Forger

START = "/api/auth/oidc/start/"
TOKEN = "/api/auth/oidc/token/"


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of an address, each of which is there once."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    return {name: value for name, [value] in found.items()}


def fragment(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).fragment).items()}


class Page:
    """A page that keeps a verifier, in a browser that keeps cookies."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.verifier = secrets.token_urlsafe(32)

    async def start(self, return_to: str = "/home", **more: str) -> httpx.Response:
        given = {"return_to": return_to, "challenge": challenge_of(self.verifier), **more}
        return await self.http.get(START, params=given)

    async def begin(self, return_to: str = "/home") -> str:
        """Return the address of the directory's page."""
        answer = await self.start(return_to)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    async def come_back(self, **answer: str) -> str:
        """Return the address to which the callback leads."""
        found = await self.http.get(CALLBACK, params=answer)
        assert found.status_code == 302, found.text
        return str(found.headers["location"])

    async def forged(self, forger: Forger, return_to: str = "/home", **answer: str) -> str:
        """Where a sign-in at the forging directory leads."""
        sent = parameters(await self.begin(return_to))
        forger.nonce = sent["nonce"]
        said = {"code": "code", "state": sent["state"], "iss": forger.issuer} | answer
        return await self.come_back(**said)

    async def redeem(self, address: str, verifier: str | None = None) -> httpx.Response:
        """Return what the code of an address is worth."""
        code = fragment(address).get("code", address)
        return await self.http.post(
            TOKEN, json={"code": code, "verifier": verifier or self.verifier}
        )

    async def through(self, person: Person, return_to: str = "/home") -> str:
        """Where the whole way of a person through the directory leads."""
        url = await self.begin(return_to)
        back = await person.visit(url, until="http://localhost:8000/")
        return await self.come_back(**parameters(back))

    async def signed_in(self, person: Person) -> dict[str, Any]:
        """Return the tokens and the account of a person who has signed in."""
        answer = await self.redeem(await self.through(person))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
