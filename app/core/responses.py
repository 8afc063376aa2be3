"""What several operations say of their answers in the OpenAPI document."""

from typing import Any

Responses = dict[int | str, dict[str, Any]]

BINARY = {"schema": {"type": "string", "format": "binary"}}
CREATED: Responses = {
    201: {
        "headers": {
            "Location": {
                "description": "The path of what was created",
                "schema": {"type": "string", "format": "uri-reference"},
            }
        }
    }
}


NAMED = {
    "Content-Disposition": {
        "description": "The name to save it under (RFC 6266)",
        "schema": {"type": "string"},
    }
}


def image(media_type: str) -> Responses:
    """An answer that is shown."""
    return {200: {"description": "The image", "content": {media_type: BINARY}}}


def download(description: str, *media_types: str) -> Responses:
    """A file to be saved, of the first media type unless the client asks for another."""
    content = dict.fromkeys(media_types, BINARY)
    return {200: {"description": description, "headers": NAMED, "content": content}}
