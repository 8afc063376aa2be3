"""Connect to PostgreSQL, directly or through a transaction pooler (`?pooler=transaction`).

A pooler may run two statements on two connections, so statements are not prepared by name, and
session limits are set on the role.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.ext import asyncio as sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine

LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
CONNECT_SECONDS = 1.5

# Starting parallel workers takes longer than most queries.
PLANNING = {"max_parallel_workers_per_gather": "0", "jit": "off"}

LIMITS = {
    "lock_timeout": LOCK_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
}


def make_engine(url: str, **options: Any) -> AsyncEngine:
    address = make_url(url).difference_update_query(["pooler"])
    if is_pooled(url):
        address = address.update_query_dict({"prepared_statement_cache_size": "0"})
    return sqlalchemy.create_async_engine(  # replaced in the module by tracing
        address,
        hide_parameters=True,  # keeps user input out of the logs
        connect_args=connect_options(url),
        **options,
    )


def is_pooled(url: str) -> bool:
    return "pooler" in make_url(url).query


def connect_options(url: str) -> dict[str, Any]:
    """Return asyncpg's options that are not in the URL."""
    session = {"application_name": "vms", "timezone": "UTC"}
    options: dict[str, Any] = {"timeout": CONNECT_SECONDS}
    if is_pooled(url):
        # Without a cache asyncpg sends one message per statement.
        return {**options, "statement_cache_size": 0, "server_settings": session}
    limits = {name: str(milliseconds) for name, milliseconds in LIMITS.items()}
    return {**options, "server_settings": {**session, **PLANNING, **limits}}


async def missing_limits(url: str) -> list[str]:
    """Return the ALTER ROLE statements for limits that the role lacks."""
    engine = make_engine(url)
    shown = ", ".join(f"current_setting('{name}')" for name in LIMITS)
    try:
        async with engine.connect() as connection:
            asked = text(f"SELECT quote_ident(current_user), {shown}")
            role, *values = (await connection.execute(asked)).one()
    finally:
        await engine.dispose()
    return _statements(role, dict(zip(LIMITS, values, strict=True)))


def _statements(role: str, shown: Mapping[str, str]) -> list[str]:
    return [
        f"ALTER ROLE {role} SET {name} = {LIMITS[name]};"
        for name, value in shown.items()
        if value == "0"
    ]
