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


def file(description: str, *media_types: str) -> Responses:
    """An answer that is a file, of the first media type unless the client asks for another."""
    content = dict.fromkeys(media_types, BINARY)
    return {200: {"description": description, "content": content}}
