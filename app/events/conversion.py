"""How entries of the audit log become events."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from app.audit.chain import Facts, action_of, kind_of
from app.audit.chain_service import Chained
from app.events.kinds import (
    FINAL_EXIT,
    SOURCES,
    SUBJECTS,
    WITHOUT_ID,
    EventType,
    Source,
    actor_kind,
)

# What the log calls by the name of the column.
NAMES = {"department_id": "department"}
WHEN = ("visit_date", "visit_time")


def events_of(entries: Iterable[Chained]) -> list[dict[str, Any]]:
    """Return the rows of the events that entries make, in their order."""
    return [row for entry in entries if entry.moment.makes_event for row in _of(entry)]


def _of(entry: Chained) -> Iterator[dict[str, Any]]:
    facts = entry.facts
    source = SOURCES.get(action_of(facts.subject_type, facts.action))
    if source is None:
        return
    types = FINAL_EXIT if entry.moment.is_final_exit else (source.type,)
    for number, type_ in enumerate(types):
        # Ids ascend in the order of the events.
        yield _row(entry, source, type_, UUID(int=facts.id.int + number))


def _row(entry: Chained, source: Source, type_: EventType, id_: UUID) -> dict[str, Any]:
    facts, kind = entry.facts, kind_of(entry.facts.actor_role)
    return {
        "id": id_,
        "type": type_.value,
        "created_at": facts.created_at,
        "site_id": facts.site_id,
        "host_id": entry.moment.host_id,
        "subject_type": SUBJECTS.get(facts.subject_type, facts.subject_type),
        "subject_id": facts.subject_id,
        "subject_version": entry.moment.subject_version,
        "actor_kind": actor_kind(kind).value,
        "actor_id": None if kind in WITHOUT_ID else facts.actor_id,
        "request_id": facts.request_id,
        "fields": fields_of(facts, source),
    }


def fields_of(facts: Facts, source: Source) -> list[str]:
    """Return the names of what changed, as the API calls them; an erased entry has none."""
    details = facts.details
    if details.get("before") and details.get("after"):
        moved = ["site"] if details.get("from_site") else []
        return moved + _moved(str(details["before"]), str(details["after"]))
    named = details.get("fields")
    listed = map(str, named) if isinstance(named, list) else ()
    return [NAMES.get(name, name) for name in listed] or list(source.fields)


def _moved(before: str, after: str) -> list[str]:
    parts = zip(WHEN, before.split(), after.split(), strict=False)
    return [name for name, was, now in parts if was != now]
