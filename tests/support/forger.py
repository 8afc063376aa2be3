"""A company's directory that forges its answers, over sockets."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from app.core.clock import Clock
from tests.support.directory import CLIENT_ID

KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
NAMES = {"given_name": "Ada", "family_name": "Lovelace"}
EVERYTHING = JWSRegistry(algorithms=["HS256", "RS256", "PS256", "ES256", "RS512"])


def forging_app(current: Callable[[], "Forger"]) -> FastAPI:
    """Return the application of a directory that answers as the current forger says."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def _discovery() -> Response:
        return await current().discover()

    @app.get("/jwks")
    async def _jwks() -> Response:
        return await current().jwks()

    @app.post("/token")
    async def _token(request: Request) -> Response:
        return await current().give_tokens(request)

    @app.get("/me")
    async def _me() -> Response:
        return await current().me()

    return app


def _part(said: dict[str, Any]) -> str:
    return _base64(json.dumps(said).encode())


def _base64(said: bytes) -> str:
    return urlsafe_b64encode(said).rstrip(b"=").decode()


class Forger:
    """Signs what a test asks for: `claims` replace those of a good token, None removes one."""

    def __init__(self, clock: Clock, issuer: str = "") -> None:
        self.clock = clock
        self.issuer = issuer
        self.key = KEY
        self.published: list[Any] = [self.key]
        self.nonce = ""
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.signed_with: Any = self.key
        self.claims: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.answer: dict[str, Any] = {}
        self.token: str | None = None
        self.status = 200
        self.body: bytes | None = None
        self.redirects = False
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[str] = []

    def id_token(self) -> str:
        """Return a token that is good but for what the test has changed."""
        if self.token is not None:
            return self.token
        now = int(self.clock.now().timestamp())
        good = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "ada",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
            "email": "ada@example.com",
            "email_verified": True,
            **NAMES,
        }
        claims = {name: each for name, each in (good | self.claims).items() if each is not None}
        if callable(self.signed_with):
            signed = f"{_part(self.header)}.{_part(claims)}"
            return f"{signed}.{_base64(self.signed_with(signed.encode()))}"
        return jwt.encode(self.header, claims, self.signed_with, registry=EVERYTHING)

    def by_public_key(self, signed: bytes) -> bytes:
        """Return an HMAC whose secret everybody knows."""
        return hmac.digest(self.key.as_pem(private=False), signed, "sha256")

    async def discover(self) -> Response:
        self.asked.append("discovery")
        if self.redirects:
            return RedirectResponse(f"{self.issuer}/elsewhere")
        if self.body is not None:
            return Response(self.body, media_type="application/json")
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=a%20b",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        }
        if self.userinfo is not None:
            said["userinfo_endpoint"] = f"{self.issuer}/me"
        return JSONResponse(said | self.discovery, self.status)

    async def jwks(self) -> Response:
        self.asked.append("jwks")
        keys = [
            key if isinstance(key, dict) else key.as_dict(private=False) for key in self.published
        ]
        return JSONResponse({"keys": keys})

    async def give_tokens(self, request: Request) -> Response:
        self.asked.append("token")
        form = await request.form()
        self.forms.append({name: str(value) for name, value in form.items()})
        self.headers.append(request.headers.get("authorization", ""))
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": self.id_token()}
        said = {name: value for name, value in (answer | self.answer).items() if value is not None}
        return JSONResponse(said, 400 if "error" in said else 200)

    async def me(self) -> Response:
        self.asked.append("userinfo")
        return Response(json.dumps(self.userinfo), media_type="application/json")
