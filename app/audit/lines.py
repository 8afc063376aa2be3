"""Entries of the audit log as lines of JSON (application/x-ndjson). Pure."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from app.audit.chain import Facts
from app.audit.schemas import AuditEntry

MEDIA_TYPE = "application/x-ndjson"


class JsonLines:
    """A file of one JSON object a line, in the parts that an export sends."""

    extension = "ndjson"
    media_type = MEDIA_TYPE

    def head(self) -> bytes:
        return b""

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        return b"".join(shown(row).model_dump_json().encode() + b"\n" for row in rows)

    def tail(self) -> bytes:
        return b""

    def close(self) -> None:
        """Do nothing, since no resources are held."""


def shown(row: Sequence[Any]) -> AuditEntry:
    """Return an entry from the columns of its facts, the name of its actor, and its place."""
    *facts, name, seq, previous, own = row
    if isinstance(facts[-1], str):  # as a prepared statement returns JSON
        facts[-1] = json.loads(facts[-1])
    return AuditEntry.of(Facts(*facts), name, seq, previous, own)
