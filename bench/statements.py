"""Count the statements of a request in PostgreSQL's log."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

SERVICE = "vms"
SETTLE_SECONDS = 0.05
SETTINGS = {"log_statement": "all", "log_line_prefix": "%a|"}


@asynccontextmanager
async def statements_logged(
    connection: asyncpg.Connection, log: Path, application: str
) -> AsyncIterator[Callable[[], int]]:
    """Yield a function that counts an application's statements so far, without BEGIN and COMMIT."""
    sent = re.compile(
        rf"^{application}\|LOG:  (?:statement|execute [^:]*): (?!BEGIN|COMMIT|ROLLBACK)", re.M
    )
    for name, value in SETTINGS.items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await _reload(connection, "all")
    begins = log.stat().st_size
    try:
        yield lambda: len(sent.findall(log.read_bytes()[begins:].decode(errors="replace")))
    finally:
        for name in SETTINGS:
            await connection.execute(f"ALTER SYSTEM RESET {name}")
        await _reload(connection, "none")


async def _reload(connection: asyncpg.Connection, awaited: str) -> None:
    await connection.execute("SELECT pg_reload_conf()")
    while await connection.fetchval("SHOW log_statement") != awaited:
        await asyncio.sleep(SETTLE_SECONDS)
    await asyncio.sleep(SETTLE_SECONDS)  # the other backends reload when ours does
