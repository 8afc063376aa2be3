"""SQL of a scan at a gate: a query for its facts, and one statement for its effects.

Nothing is locked in between: if the visit has changed or the `scan_id` is not new any more, the
statement does nothing, and the decision is retried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, String, Uuid, and_, bindparam, case, exists, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from app.audit.models import AuditEntry
from app.audit.repository import ENTRY_COLUMNS
from app.core.db.database import ReadSession, WriteSession
from app.core.db.inserting import as_json, insertion, values_of
from app.core.db.models import Entity
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Command, Query
from app.core.security.qr_token import token_hash
from app.notifications.kinds import ABOUT_VISIT
from app.notifications.models import Notification
from app.notifications.repository import superseding
from app.scans.models import Scan
from app.scans.repository import turn_of_batches
from app.scans.schemas import ScanCreate
from app.sites.models import Site
from app.slots.seat_repository import seat_freed
from app.visitors.models import RetiredQrCode, Visitor, VisitorStatus
from app.visitors.repository import PASSAGE

# Violations of a unique index and of a foreign key: another transaction was faster (PostgreSQL,
# appendix A).
OVERTAKEN = {"23505", "23503"}


@dataclass(frozen=True, slots=True)
class Found:
    """The facts of a scanned code, as plain copies.

    `earlier` is the caller's scan with the same `scan_id`, and then `visitor` is that of the scan,
    otherwise that of the code. `owner` is the visitor whose former code it is.
    """

    visitor: Visitor | None
    site: Site | None
    earlier: Scan | None
    owner: UUID | None
    is_replaced: bool


def _finding() -> Query:
    """Return the query, which always has one row."""
    by_code = aliased(Visitor)
    of_code = select(by_code.id).where(by_code.qr_code == bindparam("code")).scalar_subquery()
    same_id = and_(
        Scan.caller_id == bindparam("caller_id"),
        Scan.scan_id == bindparam("scan_id", type_=Uuid()),
    )
    asked = select(literal(1).label("one")).subquery("asked")
    return Query(
        select(
            RetiredQrCode.visitor_id,
            RetiredQrCode.is_replaced,
            *stored_columns(Scan),
            *stored_columns(Visitor),
            *stored_columns(Site),
        )
        .select_from(asked)
        .outerjoin(RetiredQrCode, RetiredQrCode.token_hash == bindparam("token_hash"))
        .outerjoin(Scan, same_id)
        .outerjoin(
            Visitor,
            Visitor.id == case((Scan.id.is_not(None), Scan.visitor_id), else_=of_code),
        )
        .outerjoin(Site, Site.id == Visitor.site_id)
    )


def _recording() -> Command:
    turn = _turn()
    kept = insertion(Scan, _names(Scan), "scans", when=[turn]).returning(Scan.id).cte("kept")
    return Command(select(kept.c.id))


def _passing(*, frees_seat: bool) -> Command:
    """Return the statement that changes the visit, with the scan, the audit entry and mails.

    The visitor is locked before the slot, as everywhere.
    """
    turn = _turn()
    passed = (
        update(Visitor)
        .where(
            exists(select(turn.c.held)),
            Visitor.id == bindparam("visitor_id"),
            Visitor.qr_code == bindparam("code"),
            Visitor.status == bindparam("was"),
            # An automatic check-out is corrected only once.
            Visitor.checked_out_automatically == bindparam("was_automatic"),
        )
        .values({name: bindparam(f"new_{name}") for name in CHANGED})
        .returning(Visitor.id, Visitor.slot_id, Visitor.is_self_registered)
        .cte("passed")
    )
    written = [
        insertion(model, names, parameter, when=[passed]).cte()
        for model, names, parameter in (
            (Scan, _names(Scan), "scans"),
            (AuditEntry, ENTRY_COLUMNS, "events"),
            (Notification, _names(Notification), "mails"),
        )
    ]
    ended = _ended(passed) if frees_seat else ()
    return Command(select(passed.c.id).add_cte(*written, *ended))


def _ended(passed: CTE) -> tuple[CTE, CTE]:
    """Return the effects of the end of a visit: it frees the seat and supersedes mails."""
    now = bindparam("new_updated_at", type_=Visitor.updated_at.type)
    theirs = Notification.visitor_id == passed.c.id
    return (
        seat_freed(passed.c.slot_id, passed.c.is_self_registered).cte("freed"),
        superseding(theirs, now, ABOUT_VISIT).cte("superseded"),
    )


def _turn() -> CTE:
    """Wait for a batch of the same caller's offline scans, so that each sees the other's."""
    return select(
        turn_of_batches(bindparam("caller", type_=String()), shared=True).label("held")
    ).cte("turn")


def _names(model: type[Entity]) -> tuple[str, ...]:
    return tuple(column.name for column in stored_columns(model))


CHANGED = tuple(name for name in PASSAGE if name != "id")
_FIND, _RECORD = _finding(), _recording()
_PASS, _LEAVE = _passing(frees_seat=False), _passing(frees_seat=True)
_SCAN_BEGINS = 2
_SCAN_ENDS = _SCAN_BEGINS + len(stored_columns(Scan))
_VISITOR_ENDS = _SCAN_ENDS + len(stored_columns(Visitor))


async def find(session: ReadSession, body: ScanCreate, caller_id: UUID) -> Found:
    """Return the facts of a code and of the scan."""
    row = await session.row(
        _FIND,
        code=body.token,
        token_hash=token_hash(body.token),
        caller_id=caller_id,
        scan_id=body.scan_id,
    )
    if row is None:
        raise LookupError("the query always has one row")
    values = tuple(row)
    return Found(
        visitor=plain_copy(Visitor, values[_SCAN_ENDS:_VISITOR_ENDS]),
        site=plain_copy(Site, values[_VISITOR_ENDS:]),
        earlier=plain_copy(Scan, values[_SCAN_BEGINS:_SCAN_ENDS]),
        owner=values[0],
        is_replaced=bool(values[1]),
    )


async def record(unit: WriteSession, scan: Scan) -> bool:
    """Store a decided scan; return False if it is not new or its visitor was deleted."""
    return await _done(unit, _RECORD, caller=str(scan.caller_id), scans=as_json([values_of(scan)]))


async def record_passage(
    unit: WriteSession,
    scan: Scan,
    visitor: Visitor,
    *,
    was: VisitorStatus,
    was_automatic: bool,
    event: dict[str, Any],
    mails: Sequence[dict[str, Any]],
) -> bool:
    """Store a passage with the changed visitor, whose previous status is `was`.

    Return False if the visit has changed or the scan is not new.
    """
    return await _done(
        unit,
        _LEAVE if was is VisitorStatus.VERIFIED else _PASS,
        caller=str(scan.caller_id),
        visitor_id=visitor.id,
        code=visitor.qr_code,
        was=was,
        was_automatic=was_automatic,
        **{f"new_{name}": getattr(visitor, name) for name in CHANGED},
        scans=as_json([values_of(scan)]),
        events=as_json([event]),
        mails=as_json(mails),
    )


async def _done(unit: WriteSession, statement: Command, **values: Any) -> bool:
    try:
        return await unit.row(statement, **values) is not None
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in OVERTAKEN:
            raise
        return False
