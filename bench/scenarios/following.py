"""Pages of two hundred events, for a system that reads everything."""

from itertools import cycle, islice

from bench.load import get
from bench.run import COUNTED, Bench

PAGE, STORED = 200, 20_000
FILL = """
INSERT INTO events (seq, id, type, created_at, sequenced_at, site_id, subject_type, subject_id,
    subject_version, actor_kind, actor_id, request_id, fields)
SELECT n, gen_random_uuid(), 'visit.checked_in', now(), now(), (SELECT id FROM sites LIMIT 1),
    'visitor', gen_random_uuid(), 2, 'device', gen_random_uuid(), gen_random_uuid()::text, '[]'
FROM generate_series($1::bigint + 1, $1 + $2::bigint) AS n
"""
HEAD = """
INSERT INTO event_log VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET head = event_log.head + $1
RETURNING head
"""


async def measure(bench: Bench) -> None:
    head = await bench.connection.fetchval(HEAD, STORED)
    await bench.connection.execute(FILL, head - STORED, STORED)
    await bench.connection.execute("ANALYZE events")
    pages = cycle(
        get(f"/api/events/?after={after}&limit={PAGE}", bench.admin)
        for after in range(head - STORED, head - PAGE + 1, PAGE)
    )
    await bench.warm(list(islice(pages, COUNTED)))
    await bench.count_statements({"events": list(islice(pages, COUNTED))})
    for _ in range(bench.scale.rounds):
        requests = list(islice(pages, max(bench.scale.reads, 2)))
        await bench.drive("events", requests, connections=1)
