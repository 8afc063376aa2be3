"""MIME (RFC 2045 to 2047), faster than the standard library's `email` (decision 19)."""

from base64 import encodebytes
from binascii import b2a_qp
from email.header import Header
from email.utils import quote

CRLF = "\r\n"
LONGEST_LINE = 76


def field(name: str, text: str) -> str:
    """Return a folded header line, with encoded words if it is not ASCII.

    `text` is a single line without "=?".
    """
    return f"{name}: {_folded(name, text)}{CRLF}"


def mailbox_field(name: str, display_name: str, address: str) -> str:
    """Return a header line with one mailbox; `display_name` may be empty."""
    if not display_name:
        return f"{name}: {address}{CRLF}"
    quoted = f'"{quote(display_name)}"' if display_name.isascii() else display_name
    shown = _folded(name, quoted)
    is_long = len(f"{name}: {shown} <{address}>") > LONGEST_LINE
    return f"{name}: {shown}{CRLF if is_long else ''} <{address}>{CRLF}"


def text_part(subtype: str, text: str) -> bytes:
    """Return quoted-printable text, which survives relays that recode 8-bit mail."""
    lines = text.replace(CRLF, "\n").replace("\r", "\n").replace("\n", CRLF)
    encoded = b2a_qp(lines.encode(), istext=True)
    return _part(f'text/{subtype}; charset="utf-8"', "quoted-printable", encoded)


def file_part(content_type: str, content: bytes, disposition: str, *others: str) -> bytes:
    """Return a base64 part; `disposition` is a header value, `others` are whole lines."""
    encoded = encodebytes(content).replace(b"\n", b"\r\n")
    return _part(content_type, "base64", encoded, f"Content-Disposition: {disposition}", *others)


def multipart(subtype: str, *parts: bytes, parameters: str = "") -> bytes:
    """Join parts; nested multiparts must have different subtypes."""
    # "=_" occurs in neither quoted-printable nor base64 (RFC 2045, 6.7).
    boundary = f"=_{subtype}"
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"{parameters}{CRLF}{CRLF}'
    opened = f"--{boundary}{CRLF}".encode()
    closed = f"--{boundary}--{CRLF}".encode()
    return head.encode() + b"".join(opened + part + CRLF.encode() for part in parts) + closed


def _part(content_type: str, encoding: str, encoded: bytes, *others: str) -> bytes:
    lines = (f"Content-Type: {content_type}", f"Content-Transfer-Encoding: {encoding}", *others)
    return (CRLF.join(lines) + CRLF + CRLF).encode() + encoded


def _folded(name: str, text: str) -> str:
    if text.isascii() and len(f"{name}: {text}") <= LONGEST_LINE:
        return text
    return Header(text, header_name=name, maxlinelen=LONGEST_LINE).encode(linesep=CRLF)
