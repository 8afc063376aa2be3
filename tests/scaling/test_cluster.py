"""What one machine can show of a larger installation: nothing is lost while parts restart.

Not in the usual run: `make test-scaling` needs nginx, PgBouncer and Caddy (apt-get install
nginx-light pgbouncer caddy).
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.core.db.database import Database
from tests.bulk.files import rows, workbook
from tests.e2e.installation import SUPERADMIN, all_ready, eventually
from tests.faults.mails import arrived, none_waits
from tests.faults.processes import ended, kill
from tests.faults.visits import registered
from tests.scaling.conftest import Cluster
from tests.scaling.crowd import Crowd, opened, signed_in
from tests.scaling.servers import HOST, Caddy, Nginx, Postgres
from tests.streams.ears import Ear

pytestmark = [pytest.mark.scaling]
LOOKS = 60
_days = count(3)
Tell = Callable[[str], None]


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an admin's client, through nginx."""
    async with opened(cluster.nginx) as client:
        yield await signed_in(client)


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[Database]:
    opened = cluster.database()
    yield opened
    await opened.close()


def bodies(name: str, number: int, hours: int) -> list[dict[str, Any]]:
    """Return registrations for some hours of a day."""
    day = datetime.now(UTC).date() + timedelta(days=next(_days))
    return [
        {
            "name": f"Visitor {n}",
            "email": f"{name}-{n}@example.com",
            "visit_date": day.isoformat(),
            "visit_time": f"{n % hours:02}:00",
        }
        for n in range(number)
    ]


async def value(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def everything_is_there(database: Database, crowd: Crowd) -> None:
    """Assert that the confirmed visitors are stored, each with seat, event and mail."""
    assert crowd.registered.keys() <= await registered(database)
    await none_waits(database)


async def test_tls_ends_at_the_proxy_and_counts(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/sites/")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" in answer.headers
    assert (await client.get("/metrics")).status_code == 404


async def test_the_proxy_of_the_compose_file_leads_to_the_api(cluster: Cluster) -> None:
    caddy = Caddy(cluster.folder, cluster.ports[0])
    caddy.start()
    try:
        address = f"http://127.0.0.1:{caddy.port}"
        headers = {"Host": f"{HOST}:{caddy.port}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
            answer = await client.get("/openapi.json")
            assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
            # Whether it marks the tag with `-gzip` depends on its version.
            await tags_pass(await signed_in(client))
            assert "Strict-Transport-Security" not in answer.headers
            assert (await client.get("/metrics")).status_code == 404
    finally:
        caddy.stop()


async def tags_pass(client: httpx.AsyncClient, mark: str = "") -> None:
    """Assert that tags are known again as a proxy that compresses has rewritten them."""
    path = f"/api/sites/{(await client.get('/api/sites/')).json()['items'][0]['id']}/"
    seen = await client.get(path, headers={"Accept-Encoding": "gzip"})
    tag = seen.headers["ETag"]
    assert seen.headers["Content-Encoding"] == "gzip"
    assert mark in tag
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
    body = {"address": f"Behind {client.base_url}"}
    changed = await client.patch(path, json=body, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    stale = await client.patch(path, json=body, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile")


async def test_tags_pass_an_nginx_that_compresses(cluster: Cluster) -> None:
    folder = cluster.folder / "compressing"
    (folder / "logs").mkdir(parents=True)
    gzip = "gzip on; gzip_proxied any; gzip_types application/json;"
    nginx = Nginx(folder, cluster.ports, more=gzip)
    nginx.start()
    try:
        async with opened(nginx) as client:
            await tags_pass(await signed_in(client), "W/")
    finally:
        nginx.stop()


async def test_the_proxies_pass_events_on_as_they_happen(
    cluster: Cluster, client: httpx.AsyncClient
) -> None:
    """From either process, through the pooler, one at a time."""
    caddy = Caddy(cluster.folder, cluster.ports[0])
    caddy.start()
    ours = {**client.headers, "accept-encoding": "gzip", "host": f"{HOST}:{caddy.port}"}
    path = "/api/events/stream/?types=visit.registered"
    try:
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{caddy.port}", headers=ours) as other,
            client.stream("GET", path) as by_nginx,
            other.stream("GET", path) as by_caddy,
        ):
            ears = [Ear(by_nginx), Ear(by_caddy)]
            for ear in ears:
                await ear.comment()
            for body in bodies("live", 4, hours=10):
                visitor = (await client.post("/api/visitors/", json=body)).json()
                for ear in ears:
                    heard = await ear.next()
                    assert heard is not None
                    assert heard.data["subject"]["id"] == visitor["id"]
                    assert "Content-Encoding" not in ear.response.headers
    finally:
        caddy.stop()


async def test_every_connection_comes_from_the_pooler(
    cluster: Cluster, client: httpx.AsyncClient, database: Database, tell: Tell
) -> None:
    """A hundred concurrent requests share fewer connections than two processes could open."""
    crowd = Crowd(client)
    await crowd.register(bodies("pooled", 200, hours=10))
    assert len(crowd.registered) == 200
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'vms'"
    used = await value(cluster.primary.url(), sessions)
    assert 0 < used <= 30
    assert await value(cluster.primary.url(), f"{sessions} AND wait_event = 'advisory'") == 0
    await everything_is_there(database, crowd)
    tell(f"undisturbed: {crowd.summary()}; {used} connections to PostgreSQL")


async def test_every_kind_of_work_passes_the_pooler(client: httpx.AsyncClient) -> None:
    """Many requests of each kind, so that the statements of one use several servers."""
    (body,) = bodies("work", 1, hours=1)
    when = {"visit_date": body["visit_date"], "visit_time": "05:00"}
    made = (await client.post("/api/visitors/", json=body)).json()

    async def each(number: int) -> list[tuple[str, int]]:
        scan = {"token": made["qr_code"], "scan_id": str(uuid4())}
        repeat: dict[str, Any] = {"json": body | {"email": f"{number % 5}@example.com"}}
        key = {"Idempotency-Key": f"work-{number % 5}"}
        move = {"visit_date": body["visit_date"], "visit_time": f"{number % 3:02}:30"}
        done = [
            await client.get("/api/visitors/?include_total=true&q=visitor"),
            await client.get("/api/visitors/dashboard-stats/"),
            await client.get("/api/analytics/trends/"),
            await client.get(f"/api/visitors/available-slots/?visit_date={body['visit_date']}"),
            await client.get("/api/visitors/export-excel/?format=csv"),
            await client.post("/api/visitors/", **repeat, headers=key),
            await client.post(f"/api/visitors/{made['id']}/reschedule/", json=move),
            await client.post("/api/visitors/verify-qr/", json=scan),
            await client.post("/api/visitors/verify-qr/", json=scan),
            await client.post(
                "/api/visitors/bulk-upload/",
                files={"file": ("list.xlsx", workbook(rows(8, first=8 * number)))},
                data=when,
            ),
        ]
        return [(answer.request.url.path, answer.status_code) for answer in done]

    answers = Counter(chain.from_iterable(await asyncio.gather(*map(each, range(20)))))
    # Only expected refusals: two exports at a time, one repeat at a time, a gate too early.
    assert {status for _, status in answers} <= {200, 201, 409, 429}, answers
    assert answers["/api/visitors/bulk-upload/", 201] > 0
    assert answers["/api/visitors/export-excel/", 200] > 0


async def test_a_replica_answers_who_looks_and_is_not_missed(cluster: Cluster, tell: Tell) -> None:
    async with opened(cluster.nginx) as client:
        await signed_in(client, SUPERADMIN)  # who writes nothing
        before = await commits(cluster.replica)
        await look_often(client)
        await eventually(lambda: answered_since(cluster, before))
        cluster.replica.stop()
        try:
            await look_often(client)
        finally:
            cluster.replica.start()
        before = await commits(cluster.replica)
        await eventually(lambda: look_until_answered(client, cluster, before))
    tell("replica: all lists were answered while it ran, while it was down, and after that")


async def look_often(client: httpx.AsyncClient) -> None:
    lists = [client.get("/api/visitors/?limit=5") for _ in range(LOOKS)]
    assert {answer.status_code for answer in await asyncio.gather(*lists)} == {200}


async def answered_since(cluster: Cluster, before: int) -> bool:
    return await commits(cluster.replica) - before > LOOKS / 2


async def look_until_answered(client: httpx.AsyncClient, cluster: Cluster, before: int) -> bool:
    await look_often(client)
    return await answered_since(cluster, before)


async def commits(server: Postgres) -> int:
    found: int = await value(
        server.url(), "SELECT xact_commit FROM pg_stat_database WHERE datname = 'vms'"
    )
    return found


async def test_a_rolling_update_is_not_noticed(
    cluster: Cluster, client: httpx.AsyncClient, database: Database, tell: Tell
) -> None:
    crowd = Crowd(client)
    booking = asyncio.create_task(crowd.register(bodies("rolling", 600, hours=24)))
    for number, port in enumerate(cluster.ports):
        seen = len(crowd.registered)
        await eventually(lambda seen=seen: len(crowd.registered) > seen + 50)
        os.kill(cluster.apis[number].pid, signal.SIGTERM)
        await ended(cluster.apis[number])
        cluster.apis[number] = cluster.serve(port)
        await all_ready((f"http://127.0.0.1:{port}",))
    await booking
    assert len(crowd.registered) == 600
    await everything_is_there(database, crowd)
    tell(f"rolling update: {crowd.summary()}")


async def test_to_the_last_seat_while_parts_come_and_go(
    cluster: Cluster, client: httpx.AsyncClient, database: Database, tell: Tell
) -> None:
    """900 requests for 600 seats; a process is killed, PgBouncer restarts, the replica stops."""
    crowd = Crowd(client)
    booking = asyncio.create_task(crowd.register(bodies("crowd", 900, hours=3)))
    looking = asyncio.create_task(look(client))
    try:
        await eventually(lambda: len(crowd.registered) > 50)
        kill(cluster.apis[0])
        await eventually(lambda: len(crowd.registered) > 150)
        cluster.apis[0] = cluster.serve(cluster.ports[0])
        await asyncio.to_thread(restart, cluster)
        await eventually(lambda: len(crowd.registered) > 300)
        await asyncio.to_thread(cluster.replica.stop)
        await booking
    finally:
        looking.cancel()
        if not cluster.replica.running:
            cluster.replica.start()
    with suppress(asyncio.CancelledError):
        await looking
    assert len(crowd.registered) == 600
    await everything_is_there(database, crowd)
    mails = arrived(cluster.mail.directory, "crowd-")
    assert mails.keys() == crowd.registered.keys()
    tell(f"to the last seat, disturbed: {crowd.summary()}")


def restart(cluster: Cluster) -> None:
    cluster.pgbouncer.stop()
    cluster.pgbouncer.start()


async def look(client: httpx.AsyncClient) -> None:
    """Do what reception does meanwhile; that it fails now and then is no matter here."""
    while True:
        with suppress(httpx.TransportError):
            await client.get("/api/visitors/dashboard-stats/")
        await asyncio.sleep(0.2)
