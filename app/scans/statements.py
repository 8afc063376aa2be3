"""A query for the facts of a scan, and a statement for its effects.

Nothing is locked in between: if the facts have changed, the statement does nothing, and the scan is
decided again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from app.core.db.scope import Scope
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

# unique_violation and foreign_key_violation (PostgreSQL, appendix A): another transaction was
# faster.
OVERTAKEN = {"23505", "23503"}


@dataclass(frozen=True, slots=True)
class Found:
    """The facts of a scan, as untracked copies.

    `earlier` is the caller's scan with the same `scan_id`, and `visitor` is then that of the scan.
    `owner` had the code before, at `owner_site`.
    """

    visitor: Visitor | None
    site: Site | None
    earlier: Scan | None
    owner: UUID | None
    is_replaced: bool
    owner_site: UUID | None

    @property
    def site_id(self) -> UUID | None:
        """Return the site of the visit, if the code is or was one of a visit."""
        return self.owner_site if self.visitor is None else self.visitor.site_id

    def within(self, scope: Scope) -> "Found":
        """Return the facts as if a visit out of scope did not exist."""
        if scope.has_site(self.site_id):
            return self
        return replace(self, visitor=None, site=None, owner=None, is_replaced=False)


def _finding() -> Query:
    """Return the query, which always has one row."""
    by_code = aliased(Visitor)
    of_code = select(by_code.id).where(by_code.qr_code == bindparam("code")).scalar_subquery()
    same_id = and_(
        Scan.caller_id == bindparam("caller_id"),
        Scan.scan_id == bindparam("scan_id", type_=Uuid()),
    )
    asked = select(literal(1).label("one")).subquery("asked")
    owner = aliased(Visitor)
    owner_site = select(owner.site_id).where(owner.id == RetiredQrCode.visitor_id)
    return Query(
        select(
            RetiredQrCode.visitor_id,
            RetiredQrCode.is_replaced,
            owner_site.scalar_subquery(),
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
    """Change the visit and store scan, audit entry and mails.

    The visitor is locked before the slot.
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
    """Free the seat and supersede mails."""
    now = bindparam("new_updated_at", type_=Visitor.updated_at.type)
    theirs = Notification.visitor_id == passed.c.id
    return (
        seat_freed(passed.c.slot_id, passed.c.is_self_registered).cte("freed"),
        superseding(theirs, now, ABOUT_VISIT).cte("superseded"),
    )


def _turn() -> CTE:
    """Wait for the caller's batches of offline scans, so that each sees the other's."""
    return select(
        turn_of_batches(bindparam("caller", type_=String()), shared=True).label("held")
    ).cte("turn")


def _names(model: type[Entity]) -> tuple[str, ...]:
    return tuple(column.name for column in stored_columns(model))


CHANGED = tuple(name for name in PASSAGE if name != "id")
_FIND, _RECORD = _finding(), _recording()
_PASS, _LEAVE = _passing(frees_seat=False), _passing(frees_seat=True)
_SCAN_BEGINS = 3
_SCAN_ENDS = _SCAN_BEGINS + len(stored_columns(Scan))
_VISITOR_ENDS = _SCAN_ENDS + len(stored_columns(Visitor))


async def find(session: ReadSession, body: ScanCreate, caller_id: UUID) -> Found:
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
        owner_site=values[2],
    )


async def record(unit: WriteSession, scan: Scan) -> bool:
    """Store a refused scan; return False if it is not new."""
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
    """Store a check-in or check-out; return False if the facts have changed."""
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
