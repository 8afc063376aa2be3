"""Programs as clients of the API."""

from typing import Any

from tests.support.api import Api, Client

DOOR = {"name": "Door controller", "scopes": ["gate:scan"], "sites": None}


async def make(maker: Client, **fields: Any) -> dict[str, Any]:
    """Make a key; return the answer, with the secret."""
    answer = await maker.post("api-keys/", DOOR | fields)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def with_secret(api: Api, secret: str, key_id: str = "") -> Client:
    """Return a client that sends this secret."""
    return Client(api.http, {"Authorization": f"Bearer {secret}"}, key_id)


async def program(api: Api, maker: Client, *scopes: str, **fields: Any) -> Client:
    """Make a key with these scopes; return the program that has it."""
    key = await make(maker, **({"scopes": list(scopes)} if scopes else {}), **fields)
    return with_secret(api, key["key"], key["id"])
