"""The mails that the catcher of `vms dev` has kept, as files."""

import base64
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path

MOST = 20
NAME = re.compile(r"[\w.-]{1,200}\.eml")
EMBEDDED = re.compile(r"cid:([^\"'\s)]+)")


@dataclass(frozen=True, slots=True)
class Caught:
    """A mail as a list shows it."""

    name: str
    subject: str
    to: str
    at: str


def latest(folder: Path) -> list[Caught]:
    """Return the newest mails, the last one first."""
    # The catcher names them by the time.
    files = sorted(folder.glob("*.eml"), reverse=True)[:MOST]
    return [listed for file in files if (listed := _listed(file)) is not None]


def page_of(folder: Path, name: str) -> str | None:
    """Return a mail as a page, as a mail program shows it; None if there is none."""
    file = folder / name
    if not NAME.fullmatch(name) or not file.is_file():
        return None
    mail = _read(file)
    body = mail.get_body(("html", "plain"))
    text = body.get_content() if body is not None else ""
    if body is None or body.get_content_subtype() != "html":
        return f"<!DOCTYPE html><meta charset=utf-8><pre>{escape(text)}</pre>"
    images = {
        (part["content-id"] or "").strip("<>"): part
        for part in mail.walk()
        if part.get_content_maintype() == "image"
    }

    def inlined(found: re.Match[str]) -> str:
        part = images.get(found[1])
        if part is None:
            return found[0]
        content = part.get_payload(decode=True)
        data = base64.b64encode(content if isinstance(content, bytes) else b"").decode()
        return f"data:{part.get_content_type()};base64,{data}"

    return EMBEDDED.sub(inlined, text)


def _listed(file: Path) -> Caught | None:
    """Return a mail, unless its file has been deleted meanwhile."""
    try:
        mail = _read(file)
    except FileNotFoundError:
        return None
    at = getattr(mail["date"], "datetime", None)
    shown = f"{at:%H:%M:%S}" if at else ""
    return Caught(file.name, str(mail["subject"] or ""), str(mail["to"] or ""), shown)


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=default)
