"""Signatures of Standard Webhooks 1.0 (symmetric, `v1`)."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_bytes

from standardwebhooks import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    return PREFIX + b64encode(token_bytes(SECRET_BYTES)).decode()


def signed_headers(
    message_id: str, now: datetime, body: str, secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers of a message, signed with each of the secrets."""
    at = now.astimezone(UTC)  # the library would sign another zone's wall time
    signatures = [Webhook(secret).sign(message_id, at, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
