"""`vms scan`: a command-line scanner (docs/scanner.md)."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from app.core.languages import Language

PATH = "/api/visitors/verify-qr/"
OWN_PLACE = "/api/devices/me/"
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
    address = address_of(url)
    answer = ask(address, key, body)
    if as_json and answer.document:
        typer.echo(json.dumps(answer.document, indent=2, ensure_ascii=False))
    if not (answer.opens or answer.refuses):
        _end_undecided(answer)
    if not as_json:
        place = _send(address, "GET", OWN_PLACE, key).document
        print_answer(answer, direction, place, gate)
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
    return _send(address, "POST", PATH, key, json.dumps(body))


def _send(
    address: SplitResult, method: str, path: str, key: str, body: str | None = None
) -> Answer:
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
    headers = {"Content-Type": "application/json", "X-Device-Key": key}
    try:
        connection.request(method, address.path.rstrip("/") + path, body, headers)
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


def print_answer(
    answer: Answer, direction: Direction, place: dict[str, Any], gate: str | None
) -> None:
    """Print an answer in the language of the site; without a `place`, in English."""
    from app.core.languages import Language, translations  # would slow down the start

    known = set(Language)
    language = Language(place["language"]) if place.get("language") in known else Language.ENGLISH
    gettext = translations(language).gettext
    said = (
        opened(answer.document, gettext) if answer.opens else refused(answer, direction, language)
    )
    title, *rest = said
    typer.secho(title, fg=typer.colors.GREEN if answer.opens else typer.colors.RED, bold=True)
    where = (gate or place.get("gate"), place.get("site_name"))
    for line in (*rest, " · ".join(filter(None, where))):
        if line:
            typer.echo(line)


def opened(document: dict[str, Any], gettext: Callable[[str], str]) -> Iterator[str]:
    is_out = document["verdict"] == "checked_out"
    yield f"{gettext('Goodbye') if is_out else gettext('Welcome')}: {document['visitor']['name']}"
    yield _facts(document["visitor"], gettext)


def refused(answer: Answer, direction: Direction, language: "Language") -> Iterator[str]:
    """Yield the texts of the page `/scanner/`."""
    from app.core.languages import Language, translations
    from app.scans.errors import REFUSALS

    refusal = REFUSALS.get("unknown" if answer.status in NOT_OURS else answer.code)
    words = refusal.advice.words(language) if refusal else {}
    document, visitor = answer.document, answer.document.get("visitor")
    yield f"{words.get('title', document['title'])} ({answer.code})"
    if visitor:
        yield visitor["name"]
        yield _facts(visitor, translations(language).gettext)
    parts = () if language is Language.ENGLISH else words.get("reason", ())
    yield " · ".join(_filled(parts, document)) or document["detail"]
    yield words.get(direction, "")


def _facts(visitor: dict[str, Any], gettext: Callable[[str], str]) -> str:
    host = visitor.get("host_name")
    to_host = host and gettext("to see {host}").format(host=host)
    facts = (visitor["company"], to_host, visitor.get("visit_date"), visitor.get("visit_time"))
    return ", ".join(filter(None, facts))


def _filled(parts: Iterable[str], document: dict[str, Any]) -> Iterator[str]:
    """Yield the parts of a reason whose facts are known; times are those of this machine."""
    visitor, since = document.get("visitor") or {}, document.get("since")
    facts = {
        "date": visitor.get("visit_date"),
        "time": visitor.get("visit_time"),
        "since": since and f"{datetime.fromisoformat(since).astimezone():%H:%M}",
        "gate": document.get("gate"),
    }
    known = {name: value for name, value in facts.items() if value}
    for part in parts:
        with suppress(KeyError):
            yield part.format(**known)


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
