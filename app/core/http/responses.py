"""Shared responses and their OpenAPI descriptions."""

import hashlib
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


class Constant:
    """A public document, encoded once, with a strong ETag (RFC 9110, section 13.1.2)."""

    def __init__(self, content: str, media_type: str) -> None:
        self._body = content.encode()
        self._media_type = media_type
        self._tag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'

    async def answer(self, request: Request) -> Response:
        headers = {"ETag": self._tag, "Cache-Control": "no-cache"}  # cached, but revalidated
        if self._is_known(request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=headers)
        return Response(self._body, headers=headers, media_type=self._media_type)

    def _is_known(self, given: list[str]) -> bool:
        tags = {tag.strip().removeprefix("W/") for line in given for tag in line.split(",")}
        return not tags.isdisjoint({self._tag, "*"})
