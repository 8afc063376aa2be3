"""SQL of the audit log."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, String, case, cast, func, or_, select, update

from app.audit.chain import Facts
from app.audit.models import USER, VISITOR, AuditAction, AuditEntry, VisitorAction
from app.core.db.database import WriteSession
from app.core.db.direct import Row
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.request_context import (
    current_client_address,
    current_request_id,
    is_request_id_of_client,
)

# Actors whose client address is the visitor's.
THEMSELVES = ("anonymous", "visitor")
# Details that people write in their own words, which may name the visitor.
FREE_TEXT = ("reason", "note")
# The columns of an entry when it is written.
ENTRY_COLUMNS = (
    "id",
    "subject_type",
    "subject_id",
    "action",
    "actor_role",
    "actor_id",
    "actor_name",
    "site_id",
    "client_address",
    "request_id",
    "is_request_id_of_client",
    "details",
    "created_at",
    "host_id",
    "is_host_known",
    "is_final_exit",
)
FACTS = tuple(field.name for field in fields(Facts))
PLACE = ("actor_name", "seq", "previous_hash", "hash")
NEWEST_FIRST = Ordering("audit", (AuditEntry.seq,), descending=True)


class Actor(Protocol):
    """Who does something, such as the caller of a request."""

    @property
    def role(self) -> str: ...
    @property
    def id(self) -> UUID | None: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class KnownActor:
    """An actor who is no caller; a user's empty name is filled in when the entry is chained."""

    name: str
    role: str = "system"
    id: UUID | None = None


# Anyone who may run commands on the machine.
COMMAND_LINE = KnownActor("command line")
WORKER = KnownActor("worker")


def record(
    unit: WriteSession,
    action: AuditAction,
    subject_id: UUID | None,
    by: Actor,
    now: datetime,
    *,
    site: UUID | None = None,
    **details: Any,
) -> None:
    """Record what was done to a subject, in the unit of work that does it.

    `details` are JSON values. Name fields rather than people.
    """
    subject_type, _, verb = action.partition(".")
    row = entry_row(subject_type, subject_id, verb, by, now, site=site, **details)
    unit.append(AuditEntry, row)


def entry_row(
    subject_type: str,
    subject_id: UUID | None,
    action: str,
    by: Actor,
    now: datetime,
    *,
    site: UUID | None = None,
    host: UUID | None = None,
    is_final_exit: bool = False,
    **details: Any,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "subject_type": subject_type,
        "subject_id": subject_id,
        "action": str(action),
        "actor_role": str(by.role),
        "actor_id": by.id,
        "actor_name": by.name,
        "site_id": site,
        "client_address": current_client_address(),
        "request_id": current_request_id(),
        "is_request_id_of_client": is_request_id_of_client(),
        "details": details,
        "created_at": now,
        "host_id": host,
        "is_host_known": True,
        "is_final_exit": is_final_exit,
    }


def event_row(
    visitor_id: UUID,
    action: VisitorAction,
    by: Actor,
    now: datetime,
    *,
    host: UUID | None,
    site: UUID | None = None,
    is_final_exit: bool = False,
    **details: Any,
) -> dict[str, Any]:
    """Return the columns of an entry about a visitor; without a site, that of the visitor.

    `host` is the account of the host after the act, and `is_final_exit` whether the visitor went
    out and the visit is over.
    """
    about: dict[str, Any] = {"site": site, "host": host, "is_final_exit": is_final_exit}
    return entry_row(VISITOR, visitor_id, action, by, now, **about, **details)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Filters of the audit log; None does not filter."""

    actor: UUID | None = None
    action: str | None = None
    subject: UUID | None = None
    site: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def named(self) -> list[str]:
        """Return the names of the filters that are set."""
        return sorted(name for name, value in asdict(self).items() if value is not None)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions; only chained entries are listed."""
        found: list[ColumnElement[bool]] = [AuditEntry.seq.is_not(None)]
        for column, value in (
            (AuditEntry.actor_id, self.actor),
            (AuditEntry.subject_id, self.subject),
            (AuditEntry.site_id, self.site),
        ):
            if value is not None:
                found.append(column == value)
        if self.action is not None:
            subject_type, _, verb = self.action.partition(".")
            found += [AuditEntry.subject_type == subject_type, AuditEntry.action == verb]
        if self.since is not None:
            found.append(AuditEntry.created_at >= self.since)
        if self.until is not None:
            found.append(AuditEntry.created_at < self.until)
        return found


class AuditReader(ReadRepository[AuditEntry]):
    """Queries the audit log."""

    model = AuditEntry

    def export(
        self, chosen: AuditFilter, scope: Scope, *, part: int
    ) -> AsyncGenerator[Sequence[Row], None]:
        """Yield chained entries, oldest first: facts, then the name of the actor and the place."""
        columns = AuditEntry.__table__.c
        shown = [columns[name] for name in (*FACTS, *PLACE)]
        conditions = [*chosen.conditions(), *scope.of_sites(AuditEntry.site_id)]
        chain = select(*shown).where(*conditions).order_by(AuditEntry.seq)
        return self.session.stream(Query(chain), part=part)

    async def of_visitor(self, visitor_id: UUID) -> Sequence[AuditEntry]:
        """Return the entries of one visitor, oldest first, chained or not."""
        found = await self.session.scalars(
            self.statement()
            .where(AuditEntry.subject_id == visitor_id, AuditEntry.subject_type == VISITOR)
            .order_by(AuditEntry.id)
        )
        return found.all()

    async def page(
        self, chosen: AuditFilter, scope: Scope, page: PageRequest
    ) -> tuple[Sequence[AuditEntry], str | None, int | None]:
        """Return chained entries of sites in scope, newest first."""
        in_scope = scope.of_sites(AuditEntry.site_id)
        statement = self.statement().where(*chosen.conditions(), *in_scope)
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class VisitorEventRepository(AuditReader, Repository[AuditEntry]):
    """Records what is done to visitors."""

    def record(
        self,
        visitor_id: UUID,
        action: VisitorAction,
        by: Actor,
        now: datetime,
        *,
        host: UUID | None,
        site: UUID | None = None,
        is_final_exit: bool = False,
        **details: Any,
    ) -> None:
        """Record what was done, as `event_row`; `details` are JSON values, never personal data."""
        about: dict[str, Any] = {"site": site, "host": host, "is_final_exit": is_final_exit}
        row = event_row(visitor_id, action, by, now, **about, **details)
        self.unit.append(AuditEntry, row)

    async def erase_values(self, visitor_ids: Collection[UUID]) -> None:
        """Erase what these visitors left in the log, and what was written about them."""
        await erase_values(
            self.unit,
            AuditEntry.subject_type == VISITOR,
            AuditEntry.subject_id.in_(visitor_ids),
            or_(
                AuditEntry.actor_role.in_(THEMSELVES),
                AuditEntry.details.has_any(cast(FREE_TEXT, ARRAY(String))),
            ),
        )


async def erase_values(unit: WriteSession, *conditions: ColumnElement[bool]) -> int:
    """Erase the values of entries together with their keys; return how many entries.

    Names of details remain, so that the hash can still be computed from the MACs.
    """
    given = func.jsonb_object_keys(AuditEntry.details).table_valued("name").render_derived()
    without_values = (
        select(func.coalesce(func.jsonb_object_agg(given.c.name, None), cast({}, _JSON)))
        .select_from(given)
        .scalar_subquery()
    )
    result = await unit.write(
        update(AuditEntry)
        .where(*conditions)
        .values(
            client_address=None,
            request_id=case(
                (AuditEntry.is_request_id_of_client, None), else_=AuditEntry.request_id
            ),
            details=without_values,
            value_key=None,
        )
        .execution_options(synchronize_session=False)
    )
    return result.rowcount


_JSON = AuditEntry.__table__.c.details.type


def is_of_user() -> ColumnElement[bool]:
    return AuditEntry.subject_type == USER
