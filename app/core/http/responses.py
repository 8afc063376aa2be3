"""OpenAPI responses shared by several operations."""

from typing import Any

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
    """Return the OpenAPI response of an image."""
    return {200: {"description": "The image", "content": {media_type: BINARY}}}


def download(description: str, *media_types: str) -> Responses:
    """Return the OpenAPI response of a file in one of the media types, the first by default."""
    content = dict.fromkeys(media_types, BINARY)
    return {200: {"description": description, "headers": NAMED, "content": content}}
