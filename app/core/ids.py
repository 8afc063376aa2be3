"""Ids that sort by creation time (RFC 9562, UUID version 7)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
