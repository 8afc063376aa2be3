import itertools
from collections.abc import Iterable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from openpyxl import Workbook

from app.core.ids import new_id
from bench.load import post, post_content
from bench.run import Bench, Headers

VISITORS = "/api/visitors/"
WALK_IN = "/api/visitors/walk-in/"
VERIFY = "/api/visitors/verify-qr/"
UPLOAD = "/api/visitors/bulk-upload/"
HOST = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}
DAYS, HOURS = 60, 24
BOUNDARY = "a-boundary-that-no-workbook-holds"
UPLOADED = 20
GROUPS = "/api/groups/"
GROUPED = 100
HEADER = ("Name*", "Email*", "Phone*", "Company/Organization*", "Visitor Type*")
CATEGORY = "Visitor Category*"


def registrations(
    bench: Bench, count: int, *, path: str = VISITORS, at: tuple[int, int] | None = None
) -> list[bytes]:
    """Return registrations of new visitors; `at` is one day (from today) and hour for all."""
    return [
        post(path, visitor(number, *when(bench.dataset.today, number, at)), bench.admin)
        for number, _ in zip(bench.numbers, range(count), strict=False)
    ]


def walk_ins(bench: Bench, count: int) -> list[bytes]:
    """Return walk-ins of new visitors, all into the present hour."""
    return [
        post(WALK_IN, person(number) | {"gate": "North"}, bench.admin)
        for number, _ in zip(bench.numbers, range(count), strict=False)
    ]


def visitor(number: int, day: date, hour: int) -> dict[str, Any]:
    return person(number) | {"visit_date": day.isoformat(), "visit_time": f"{hour:02}:15"}


def person(number: int) -> dict[str, Any]:
    return {
        "name": f"Visitor Number {number}",
        "email": address(number),
        "phone": "+49 30 123456",
        "company": "Analytical Engines Ltd",
        "purpose": "business_meeting",
        **HOST,
    }


def address(number: int) -> str:
    return f"new{number}@example.com"


def when(today: date, number: int, at: tuple[int, int] | None = None) -> tuple[date, int]:
    """Spread visits over weeks, to avoid measuring one row's lock."""
    days, hour = at or (2 + number % DAYS, number // DAYS % HOURS)
    return today + timedelta(days=days), hour


def scans(codes: Iterable[str], headers: Headers, *, path: str = VERIFY) -> list[bytes]:
    """Return scans at one gate, each with its own id."""
    return [
        post(path, {"token": code, "scan_id": str(new_id()), "gate": "North"}, headers)
        for code in codes
    ]


def uploads(bench: Bench, count: int) -> list[bytes]:
    """Return workbooks of new visitors, each for its own hour."""
    return [_upload(bench, number) for number, _ in zip(bench.numbers, range(count), strict=False)]


def _upload(bench: Bench, number: int) -> bytes:
    day, hour = when(bench.dataset.today, number)
    fields = {"visit_date": day.isoformat(), "visit_time": f"{hour:02}:00", **HOST}
    parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts.append(_part('name="file"; filename="list.xlsx"', _workbook(number)))
    content = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return post_content(UPLOAD, content, kind, bench.admin)


def groups(bench: Bench, count: int) -> list[bytes]:
    """Return groups of new visitors, each for its own hour."""
    return [_group(bench, number) for number, _ in zip(bench.numbers, range(count), strict=False)]


def _group(bench: Bench, number: int) -> bytes:
    own = ("name", "email", "phone")
    common = visitor(number, *when(bench.dataset.today, number))
    members = [
        {
            name: value
            for name, value in visitor(number, bench.dataset.today, 0).items()
            if name in own
        }
        for number in itertools.islice(bench.numbers, GROUPED)
    ]
    shared = {name: value for name, value in common.items() if name not in own}
    body = {**shared, "name": f"Group {number}", "visitors": members}
    return post(GROUPS, body, bench.admin)


def _part(disposition: str, content: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def _workbook(number: int) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append((*HEADER, CATEGORY))
    for row in range(UPLOADED):
        person = (f"Guest {row}", f"guest{row}.{number}@example.com", "+49 30 123456")
        sheet.append((*person, "Engines Ltd", "professional", "industry"))
    file = BytesIO()
    book.save(file)
    return file.getvalue()
