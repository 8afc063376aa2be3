import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import text

from app.core.db.database import Database
from tests.support.counting import Sent

VACUUM_SECONDS = 30


async def explained(database: Database, sent: Iterable[Sent]) -> str:
    """Return the plans of statements with their parameters."""
    plans = []
    async with database.engine.connect() as connection:
        for sql, parameters in sent:
            lines = await connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)
            plans.append("\n".join(lines.scalars()))
    return "\n\n".join(plans)


async def vacuum(database: Database, table: str) -> None:
    """Vacuum until all pages are all-visible; an earlier transaction may delay this."""
    seen = text(f"SELECT relallvisible = relpages FROM pg_class WHERE oid = '{table}'::regclass")
    async with asyncio.timeout(VACUUM_SECONDS), database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"VACUUM (ANALYZE) {table}"))
        while not (await connection.execute(seen)).scalar():
            await asyncio.sleep(0.1)
            await connection.execute(text(f"VACUUM {table}"))


async def rows_looked_at(database: Database, sent: Sent, table: str) -> int:
    """Return how many rows of a table a query reads, including filtered ones."""
    async with database.engine.connect() as connection:
        told = await connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {sent.sql}", sent.parameters
        )
        [plan] = told.scalar_one()
    return sum(_visited(node) for node in _nodes(plan["Plan"]) if _is_of(node, table))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _is_of(node: dict[str, Any], table: str) -> bool:
    return bool(node.get("Relation Name") == table)


def _visited(node: dict[str, Any]) -> int:
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    each_time = node["Actual Rows"] + sum(node.get(key, 0) for key in removed)
    return int(each_time * node["Actual Loops"])
