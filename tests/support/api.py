"""Callers of the API for tests: accounts, signed-in clients, a visitor in one line."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from app.core.clock import SystemClock
from app.core.db.database import Database
from app.core.security.passwords import PasswordHasher
from app.users.models import Role
from app.users.repository import UserRepository
from app.users.service import create_user

PASSWORD = "correct horse battery"
VISITOR: dict[str, Any] = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "visit_date": "2026-11-23",
    "visit_time": "10:00",
    "host_name": "Charles Babbage",
    "host_email": "charles@example.com",
}


class Client:
    """A signed-in caller; paths are relative to `/api/`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        headers: dict[str, str],
        user_id: str,
        *,
        is_host: bool = False,
    ) -> None:
        self._http = http
        self.headers = headers
        self.user_id = user_id
        self._is_host = is_host

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._http.request(method, f"/api/{path}", headers=self.headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.request("GET", path, params=params)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.request("POST", path, json=body)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.request("PUT", path, json=body)

    async def patch(self, path: str, body: Any) -> httpx.Response:
        return await self.request("PATCH", path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.request("DELETE", path)

    async def register(self, **fields: Any) -> dict[str, Any]:
        """A registered visitor; fields replace those of `VISITOR`. A host names no other host."""
        own = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
        answer = await self.post("visitors/", (own if self._is_host else VISITOR) | fields)
        assert answer.status_code == 201, answer.text
        visitor: dict[str, Any] = answer.json()
        return visitor

    async def scan(self, token: str, **fields: Any) -> httpx.Response:
        return await self.post("visitors/verify-qr/", {"token": token, **fields})


@dataclass
class Api:
    """Makes accounts in the database and signs them in through the API."""

    http: httpx.AsyncClient
    database: Database
    hasher: PasswordHasher

    async def admin(self, email: str = "desk@example.com") -> Client:
        return await self.person(Role.ADMIN, email, "Front", "Desk")

    async def superadmin(self, email: str = "root@example.com") -> Client:
        return await self.person(Role.SUPERADMIN, email, "Super", "Admin")

    async def host(self, email: str = "charles@example.com", first_name: str = "Charles") -> Client:
        return await self.person(Role.HOST, email, first_name, "Babbage")

    async def of_role(self, role: Role, *sites: str, email: str | None = None) -> Client:
        """Somebody of a role, for whom the role is all that counts, limited to sites if any."""
        of_site = [UUID(site) for site in sites] or None
        return await self.person(
            role, email or f"{role}@example.com", role.title(), "Person", sites=of_site
        )

    async def person(
        self,
        role: Role,
        email: str,
        first_name: str,
        last_name: str,
        sites: list[UUID] | None = None,
    ) -> Client:
        async with self.database.write() as unit:
            user = await create_user(
                UserRepository(unit),
                self.hasher,
                email=email,
                password=PASSWORD,
                role=role,
                now=SystemClock().now(),
                first_name=first_name,
                last_name=last_name,
                sites=sites,
            )
        return await self.sign_in(email, str(user.id), is_host=role is Role.HOST)

    async def sign_in(self, email: str, user_id: str, *, is_host: bool = False) -> Client:
        body = {"email": email, "password": PASSWORD}
        answer = await self.http.post("/api/auth/login/", json=body)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        return Client(self.http, headers, user_id, is_host=is_host)


def app_of(api: "Api") -> FastAPI:
    """The application behind a client that calls it in the process."""
    app: FastAPI = api.http._transport.app  # type: ignore[attr-defined] # of httpx's transport
    return app
