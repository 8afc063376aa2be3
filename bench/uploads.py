"""The upload of twenty visitors, alone and four at once, on one server process.

    python -m bench.uploads [--uploads 60]

Beside it, in the same run, a single registration: an upload replaces twenty of them. Each upload
goes to an hour of its own, so that nobody waits for a lock.
"""

import argparse
import asyncio
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import asyncpg
from openpyxl import Workbook

from bench.load import Outcome, drive, post
from bench.server import Running, installation, sign_in

ROWS = 20
BOUNDARY = "a-boundary-that-no-workbook-holds"
HEADER = (
    "Name*",
    "Email*",
    "Phone*",
    "Company/Organization*",
    "Visitor Type*",
    "Visitor Category*",
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--uploads", type=int, default=60)
    chosen = arguments.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vms-bench-")))
        server = stack.enter_context(installation(folder))
        asyncio.run(_measure(server, chosen.uploads))


async def _measure(server: Running, uploads: int) -> None:
    await _open_site(server.dsn)
    token = sign_in(server.port)
    runs = {
        "upload, alone": ([_upload(n, token) for n in range(uploads)], 1),
        "upload, four at once": ([_upload(n, token) for n in range(uploads, 2 * uploads)], 4),
        "one registration": ([_single(n, token) for n in range(uploads)], 1),
    }
    print(f"\n{'':24}{'p50 ms':>10}{'p99 ms':>10}")
    for name, (requests, connections) in runs.items():
        outcome = await drive(server.port, requests, connections=connections)
        assert outcome.statuses == {201: uploads}, outcome.statuses
        _print(name, outcome)


async def _open_site(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE sites SET opens_at = '00:00', closes_at = '00:00',"
        " open_weekdays = '{1,2,3,4,5,6,7}', slot_capacity = 1000"
    )
    await connection.close()


def _when(number: int) -> tuple[str, str]:
    day = datetime.now(UTC).date() + timedelta(days=2 + number // 24 % 80)
    return day.isoformat(), f"{number % 24:02}:00"


def _upload(number: int, token: str) -> bytes:
    day, time = _when(number)
    fields = {"visit_date": day, "visit_time": time, "host_email": "charles@example.com"}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="list.xlsx"\r\n\r\n'
    )
    body = b"".join([*parts, head.encode(), _workbook(number), f"\r\n--{BOUNDARY}--\r\n".encode()])
    request = (
        f"POST /api/visitors/bulk-upload/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return request.encode() + body


def _workbook(number: int) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER)
    for row in range(ROWS):
        person = (
            f"Guest {row}",
            f"guest{row}.{number}@example.com",
            "+49 30 123456",
            "Engines Ltd",
        )
        sheet.append((*person, "professional", "industry"))
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def _single(number: int, token: str) -> bytes:
    day, time = _when(number)
    person = {"name": "Ada", "email": f"ada{number}@example.com", "host_email": "c@example.com"}
    return post("/api/visitors/", {**person, "visit_date": day, "visit_time": time}, token)


def _print(name: str, outcome: Outcome) -> None:
    print(f"{name:24}{outcome.percentile(0.5):>10.1f}{outcome.percentile(0.99):>10.1f}")


if __name__ == "__main__":
    main()
