"""Lists, dashboard, desk and slots for a single caller on an idle server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from app.core.http.pagination import CursorCodec
from app.core.keys import KeyRing
from app.visitors.order_statements import ORDERINGS, VisitorOrdering
from bench.dataset import HOST_EMAIL, RECEPTION_EMAIL
from bench.installation import SECRET
from bench.load import drive, get
from bench.requests import VISITORS
from bench.run import COUNTED, Bench, Headers, interleaved, sign_in

PAGE = 50
WARM = 3


async def measure(bench: Bench) -> None:
    host = await sign_in(bench.api.port, HOST_EMAIL)
    reception = await sign_in(bench.api.port, RECEPTION_EMAIL)
    requests = {
        **{f"list, {name}": _list(query, bench.admin) for name, query in await _lists(bench)},
        "list, a host's own": _list({}, host),
        **{
            f"list, at the site of a receptionist, {name}": _list(query, reception)
            for name, query in _of_a_desk(bench)
        },
        "dashboard": get(f"{VISITORS}dashboard-stats/", bench.admin),
        "desk": get("/api/desk/", reception),
        "desk, search": get("/api/desk/search/?q=grace", reception),
        "available-slots": get(
            f"{VISITORS}available-slots/?visit_date={bench.dataset.today + timedelta(1)}",
            bench.admin,
        ),
    }
    await drive(bench.api.port, [*requests.values()] * WARM, connections=1)
    await bench.count_statements({row: [request] * COUNTED for row, request in requests.items()})
    await interleaved(
        bench.scale.rounds, [_reads(bench, row, request) for row, request in requests.items()]
    )


def _reads(bench: Bench, row: str, request: bytes) -> Callable[[], Any]:
    return lambda: bench.drive(row, [request] * bench.scale.reads, connections=1)


def _list(query: dict[str, Any], headers: Headers) -> bytes:
    return get(f"{VISITORS}?{urlencode(query)}", headers)


async def _lists(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    """Return every filter, ordering and `q`, with values that have matches.

    The number of rows is the same at every size.
    """
    return [
        *await _pages(bench),
        *_statuses(),
        *await _filters(bench),
        *await _searches(bench),
    ]


async def _pages(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("first page", {}),
        ("thousandth page", {"cursor": await _cursor(bench, "-created_at")}),
        ("oldest first", {"ordering": "created_at"}),
        ("latest visit first", {"ordering": "-visit_date"}),
        ("by visit, thousandth page", await _by_visit(bench)),
    ]


def _of_a_desk(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    day = bench.dataset.today
    return [
        ("first page", {}),
        ("of a day", {"visit_date": day, "limit": 10}),
        ("awaited, by visit", {"visit_date": day, "status": "pending", "ordering": "visit_date"}),
        ("q, a first name", {"q": "grace"}),
    ]


def _statuses() -> list[tuple[str, dict[str, Any]]]:
    return [
        *((f"status {word}", {"status": word}) for word in ("pending", "completed", "expired")),
        ("status verified", {"status": "verified", "limit": 1}),
        ("completed, latest visit first", {"status": "completed", "ordering": "-visit_date"}),
    ]


async def _filters(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    today, fetch = bench.dataset.today, bench.connection.fetchval
    site = await fetch("SELECT id FROM sites WHERE name = 'Lyon'")
    department = await fetch("SELECT id FROM departments WHERE name = 'Legal'")
    by_visit = {"visit_date_from": today, "ordering": "visit_date"}
    cancelled = {"status": "cancelled", "ordering": "-visit_date"}
    return [
        ("of a site", {"site": site}),
        ("of a department", {"department": department}),
        ("of a purpose", {"purpose": "interview"}),
        ("of a day", {"visit_date": today, "limit": 10}),
        ("of a week, by visit", by_visit | {"visit_date_to": today + timedelta(6)}),
        ("awaited at a site, by visit", by_visit | {"site": site, "status": "pending"}),
        ("cancelled of a department, by visit", cancelled | {"department": department}),
        ("of a host", {"host_email": HOST_EMAIL}),
    ]


async def _searches(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    some = await bench.connection.fetchrow(
        "SELECT name, email, phone, qr_code FROM visitors WHERE status = 'completed' LIMIT 1"
    )
    return [
        ("q, an address", {"q": some["email"], "limit": 1}),
        ("q, a phone number", {"q": some["phone"]}),
        ("q, a code", {"q": some["qr_code"]}),
        ("q, a full name", {"q": some["name"], "limit": 1}),
        ("q, a first name", {"q": "grace"}),
        ("q, three letters", {"q": "gre"}),
        ("q, nobody", {"q": "xyzzy"}),
    ]


async def _by_visit(bench: Bench) -> dict[str, str]:
    return {"ordering": "visit_date", "cursor": await _cursor(bench, "visit_date")}


async def _cursor(bench: Bench, name: str) -> str:
    """Return the cursor of the thousandth page, or of the last one."""
    ordering = ORDERINGS[VisitorOrdering(name)]
    direction = "DESC" if ordering.descending else "ASC"
    columns = [column.key for column in ordering.columns]
    before = min(999 * PAGE, bench.scale.sizes[0] - PAGE)
    row = await bench.connection.fetchrow(
        f"SELECT {', '.join(columns)} FROM visitors"
        f" ORDER BY {', '.join(f'{column} {direction}' for column in columns)}"
        f" OFFSET {before - 1} LIMIT 1"
    )
    return CursorCodec(KeyRing([SECRET])).encode(ordering, list(row))
