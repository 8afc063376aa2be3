"""A migration passes while the service is used."""

from collections.abc import Callable

import pytest
from sqlalchemy import make_url

from devserver.postgres import EmbeddedPostgres
from tests.devserver.helpers import query
from tests.faults.processes import Service
from tests.faults.report import Finding

pytestmark = [pytest.mark.faults]

# A wider column changes the result type of prepared statements.
WIDER = "ALTER TABLE visitors ALTER COLUMN host_name TYPE varchar(999)"


async def test_a_statement_prepared_before_it_is_asked_again(
    service: Service, postgres: EmbeddedPostgres, url: str, find: Callable[[str], Finding]
) -> None:
    found = find("a table is altered under prepared statements")
    async with service.application() as client:
        assert (await client.get("/api/visitors/")).status_code == 200
        await query(postgres, WIDER, make_url(url).database or "")
        statuses = [(await client.get("/api/visitors/")).status_code for _ in range(5)]
    found.late = [f"{statuses.count(503)} of {len(statuses)} requests had to be repeated"]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
