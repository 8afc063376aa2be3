"""The messages of webhooks in the OpenAPI document: one of each type."""

from typing import Annotated

from fastapi import FastAPI, Header, Response

from app.core.http.responses import Responses
from app.events.catalogue import CATALOGUE
from app.webhooks.models import TEST_TYPE
from app.webhooks.schemas import EventMessage

TEST = "Somebody tries the webhook: nothing has happened."
ANSWERS: Responses = {
    204: {"description": "Received; so is every 2xx"},
    410: {"description": "Disables the webhook"},
    "default": {"description": "Tried again for three days, not before a `Retry-After`"},
}

Id = Annotated[str, Header(alias="webhook-id", description="The same in every repeat")]
SentAt = Annotated[
    int, Header(alias="webhook-timestamp", description="When it was sent, in seconds since 1970")
]
Signature = Annotated[
    str,
    Header(
        alias="webhook-signature",
        description="One or several, separated by spaces: `v1,` and the HMAC-SHA256 of "
        "`id.timestamp.body` in Base64. Verify it before you read the body",
    ),
]


def install(app: FastAPI) -> None:
    """Describe what is posted to receivers; the operations are served by them, not here."""
    types = {str(type_): told.when for type_, told in CATALOGUE.items()} | {TEST_TYPE: TEST}
    for type_, when in types.items():
        app.webhooks.add_api_route(
            type_,
            _receive,
            methods=["POST"],
            operation_id=f"on_{type_.replace('.', '_')}",
            summary=type_,
            description=when,
            tags=["webhooks"],
            status_code=204,
            responses=ANSWERS,
            response_class=Response,
        )


def _receive(_: EventMessage, __: Id, ___: SentAt, ____: Signature) -> None:
    """Stand for the receiver's server."""
