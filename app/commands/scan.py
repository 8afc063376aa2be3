"""`vms scan`: a command-line scanner (docs/scanner.md)."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

import typer

PATH = "/api/visitors/verify-qr/"
ANSWER_SECONDS = 3.0
PAUSES = (0.3, 1.0)  # seconds between attempts
PATIENCE_SECONDS = 3.0  # the longest `Retry-After` to wait for at a door
REFUSED, UNDECIDED = 1, 3  # exit codes; 2 is wrong usage
OPENED = {"admitted", "checked_out"}
# A malformed code, or one of too many forged ones.
NOT_OURS = {413, 422, 429}
KEY_IS_REFUSED = {401, 403}


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Answer:
    """The response; status 0 means none, and `retry_after` is in seconds.

    `document` is empty if it is not the service's.
    """

    status: int
    document: dict[str, Any] = field(default_factory=dict)
    retry_after: float = 0.0

    @property
    def code(self) -> str:
        return str(self.document.get("code", ""))

    @property
    def opens(self) -> bool:
        return self.status == 200 and self.document.get("verdict") in OPENED

    @property
    def refuses(self) -> bool:
        # Any other 404 means a wrong URL, any other 409 is not about the visitor.
        return (
            (self.status == 404 and self.code == "unknown")
            or (self.status == 409 and self.document.get("verdict") == "refused")
            or (self.status in NOT_OURS and bool(self.code))
        )

    @property
    def is_final(self) -> bool:
        waits_long = self.retry_after > PATIENCE_SECONDS
        return self.opens or self.refuses or waits_long or self.status in KEY_IS_REFUSED | {404}


def scan(
    code: Annotated[
        str, typer.Argument(help="A QR token, or an image of a QR code", metavar="TOKEN|IMAGE")
    ],
    key: Annotated[str, typer.Option(envvar="VMS_DEVICE_KEY", help="Device key of a scanner")],
    url: Annotated[
        str, typer.Option(envvar="VMS_URL", help="URL of the service")
    ] = "http://127.0.0.1:8000",
    direction: Annotated[Direction, typer.Option(help="Check in or out")] = Direction.IN,
    gate: Annotated[str | None, typer.Option(help="Gate; default: the gate of the device")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the response as JSON")] = False,
) -> None:
    """Ask a running service whether a gate opens.

    Exit codes: 0 it opens, 1 it does not, 2 wrong usage, 3 no decision.
    """
    body = {
        "token": token_of(code),
        "scan_id": str(uuid4()),
        "scanned_at": datetime.now(UTC).isoformat(),
        "direction": direction.value,
        "gate": gate,
    }
    answer = ask(address_of(url), key, body)
    if as_json and answer.document:
        typer.echo(json.dumps(answer.document, indent=2, ensure_ascii=False))
    if not (answer.opens or answer.refuses):
        _end_undecided(answer)
    if not as_json:
        _print_answer(answer, direction)
    if not answer.opens:
        raise typer.Exit(REFUSED)


def token_of(code: str) -> str:
    """Return the token, reading it from an image if given one; raise `BadParameter`."""
    path = Path(code)
    if path.is_file():
        return _read(path)
    if "." in code or "/" in code:  # characters that no token has
        raise typer.BadParameter(f"File {code} does not exist")
    return code


def _read(path: Path) -> str:
    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise typer.BadParameter(
            "Reading images needs two more packages: pip install '.[scan]'"
        ) from None
    try:
        with Image.open(path) as picture:
            qr_code = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
            found = zxingcpp.read_barcode(picture.convert("L"), qr_code)
    except (OSError, Image.DecompressionBombError):
        raise typer.BadParameter(f"{path} is not a readable image") from None
    if found is None:
        raise typer.BadParameter(f"There is no QR code in {path}")
    return str(found.text)


def address_of(url: str) -> SplitResult:
    """Parse the service's URL; raise `BadParameter`."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise typer.BadParameter("The URL must begin with http:// or https://")
    return address


def ask(address: SplitResult, key: str, body: dict[str, Any]) -> Answer:
    """Send a scan, with the same `scan_id` until there is a response."""
    for pause in PAUSES:
        answer = _ask_once(address, key, body)
        if answer.is_final:
            return answer
        time.sleep(max(pause, answer.retry_after))
    return _ask_once(address, key, body)


def _ask_once(address: SplitResult, key: str, body: dict[str, Any]) -> Answer:
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    headers = {"Content-Type": "application/json", "X-Device-Key": key}
    try:
        connection.request("POST", address.path.rstrip("/") + PATH, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException):
        return Answer(0)
    finally:
        connection.close()
    seconds = answer.headers.get("Retry-After", "")
    return Answer(answer.status, _document(content), float(seconds) if seconds.isdecimal() else 0.0)


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _print_answer(answer: Answer, direction: Direction) -> None:
    lines = _opened(answer.document) if answer.opens else _refused(answer, direction)
    colour = typer.colors.GREEN if answer.opens else typer.colors.RED
    title, *rest = lines
    typer.secho(title, fg=colour, bold=True)
    for line in rest:
        typer.echo(line)


def _opened(document: dict[str, Any]) -> Iterator[str]:
    visitor = document["visitor"]
    yield f"{document['message']}: {visitor['name']}"
    host = visitor["host_name"] and f"to see {visitor['host_name']}"
    facts = (visitor["company"], host, visitor["visit_time"])
    yield ", ".join(fact for fact in facts if fact)


def _refused(answer: Answer, direction: Direction) -> Iterator[str]:
    """Yield the texts of the page `/scanner/`."""
    from app.scans.errors import REFUSALS  # would slow down the start

    refusal = REFUSALS.get("unknown" if answer.status in NOT_OURS else answer.code)
    words = refusal.advice.words() if refusal else {}
    yield f"{words.get('title', answer.document['title'])} ({answer.code})"
    yield answer.document["detail"]
    if direction in words:
        yield words[direction]


def _end_undecided(answer: Answer) -> NoReturn:
    typer.secho(_undecided(answer), err=True)
    raise typer.Exit(UNDECIDED)


def _undecided(answer: Answer) -> str:
    if answer.status in KEY_IS_REFUSED:
        return "The service refuses this key: it is wrong, revoked, or not a scanner's."
    if answer.status == 0:
        return "No decision: the service cannot be reached."
    if answer.status == 404 or not answer.code:
        return f"No decision: {answer.status} is not a response of the service. Is --url correct?"
    detail = answer.document.get("detail", "")
    return f"No decision: the service answered {answer.status} {answer.code}. {detail}"
