"""Minimal servers for comparison: `python -m bench.floor PORT DSN SECRET`.

`/statements/` is the transaction on bare asyncpg (F1), `/at-once/` the same in one statement,
`/validated/` a FastAPI route that only validates the body (F3).
"""

import hashlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.core.keys import KeyRing
from app.core.security.qr_token import QrTokens
from app.scans.schemas import ScanCreate
from app.settings import Settings
from app.visitors.schemas import VisitorDetails
from bench.floor_sql import NAMED, REGISTER, REGISTER_AT_ONCE, SCAN, Statement

# As many connections as the service.
POOL: int = Settings.model_fields["database_pool_size"].default
CALLER = UUID(int=0)
FLOOR = "floor"


class Transaction:
    def __init__(self, statements: Sequence[Statement]) -> None:
        self._steps = [_numbered(statement.sql) for statement in statements]

    async def run(self, pool: asyncpg.Pool, values: dict[str, Any]) -> dict[str, Any]:
        """Run the statements on one connection; return all values."""
        async with pool.acquire() as connection:
            for sql, names in self._steps:
                if not names:
                    await connection.execute(sql)
                elif found := await connection.fetchrow(sql, *(values[name] for name in names)):
                    values.update(found)
        return values


def _numbered(sql: str) -> tuple[str, list[str]]:
    """Return the statement with numbered parameters (`$1`), and their names."""
    names = list(dict.fromkeys(NAMED.findall(sql)))
    return NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql), names


def registration(transaction: Transaction) -> Route:
    async def register(request: Request) -> Response:
        body = from_json(await request.body())
        day = date.fromisoformat(body["visit_date"])
        values = {
            **body,
            "days": (day - datetime.now(UTC).date()).days,
            "hour": int(body["visit_time"][:2]),
            "code": request.app.state.codes.new(),
        }
        done = await transaction.run(request.app.state.pool, values)
        answer = {**body, "id": done["visitor"], "qr_code": values["code"]}
        return Response(to_json(answer), 201, media_type="application/json")

    return Route("/visitors/", register, methods=["POST"])


def scan(transaction: Transaction) -> Route:
    async def verify(request: Request) -> Response:
        content = await request.body()
        body = from_json(content)
        if not request.app.state.codes.is_genuine(body["token"]):
            return Response(status_code=404)
        values = {
            "code": body["token"],
            "scan": UUID(body["scan_id"]),
            "caller": CALLER,
            "hash": hashlib.sha256(content).digest(),
        }
        done = await transaction.run(request.app.state.pool, values)
        answer = {"verdict": "admitted", "visitor": {"id": done["visitor"]}, "message": "Welcome"}
        return Response(to_json(answer), media_type="application/json")

    return Route("/verify-qr/", verify, methods=["POST"])


validated = FastAPI(openapi_url=None)


@validated.post("/visitors/")
async def validate_visitor(_: VisitorDetails) -> None: ...


@validated.post("/verify-qr/")
async def validate_scan(_: ScanCreate) -> None: ...


async def _nothing(_: asyncpg.Connection) -> None:
    """Replace the round trip that resets a returned connection."""


def make_app(dsn: str, secret: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.codes = QrTokens(KeyRing([secret]))
        async with asyncpg.create_pool(
            dsn,
            min_size=POOL,
            max_size=POOL,
            reset=_nothing,
            server_settings={"application_name": FLOOR},
        ) as app.state.pool:
            yield

    statements = [registration(Transaction(REGISTER)), scan(Transaction(SCAN))]
    return Starlette(
        routes=[
            Mount("/statements", routes=statements),
            Mount("/at-once", routes=[registration(Transaction(REGISTER_AT_ONCE))]),
            Mount("/validated", validated),
        ],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    port, dsn, secret = sys.argv[1:]
    uvicorn.run(make_app(dsn, secret), port=int(port), log_config=None, access_log=False)
