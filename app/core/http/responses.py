"""Shared responses and their OpenAPI descriptions."""

import hashlib
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

Responses = dict[int | str, dict[str, Any]]

BINARY = {"schema": {"type": "string", "format": "binary"}}
CREATED: Responses = {
    201: {
        "headers": {
            "Location": {
                "description": "The path of the created resource",
                "schema": {"type": "string", "format": "uri-reference"},
            }
        }
    }
}


NAMED = {
    "Content-Disposition": {
        "description": "The suggested file name (RFC 6266)",
        "schema": {"type": "string"},
    }
}


def image(media_type: str) -> Responses:
    return {200: {"description": "The image", "content": {media_type: BINARY}}}


def download(description: str, *media_types: str) -> Responses:
    """Return the OpenAPI response of a file, by default of the first media type."""
    content = dict.fromkeys(media_types, BINARY)
    return {200: {"description": description, "headers": NAMED, "content": content}}


ENCODINGS = ("-gzip", "-br", "-zstd")


def tag_of(content: bytes) -> str:
    """Return a strong ETag without its quotes (RFC 9110, section 8.8.3)."""
    return hashlib.sha256(content).hexdigest()[:32]


def is_known(request: Request, tag: str) -> bool:
    """Return whether the client has what has this tag."""
    return is_named(request.headers.getlist("if-none-match"), tag)


def is_named(lines: Sequence[str], tag: str) -> bool:
    """Return whether a condition names this tag, also as proxies that compress rewrite it."""
    given = {each.strip().removeprefix("W/") for line in lines for each in line.split(",")}
    return not given.isdisjoint({"*", *(f'"{tag}{suffix}"' for suffix in ("", *ENCODINGS))})


class Constant:
    """A public document, encoded once, with a strong ETag (RFC 9110, section 13.1.2)."""

    def __init__(self, content: str, media_type: str) -> None:
        self._body = content.encode()
        self._media_type = media_type
        self._tag = tag_of(self._body)

    async def answer(self, request: Request) -> Response:
        # Cached, but revalidated.
        headers = {"ETag": f'"{self._tag}"', "Cache-Control": "no-cache"}
        if is_known(request, self._tag):
            return Response(status_code=304, headers=headers)
        return Response(self._body, headers=headers, media_type=self._media_type)
