"""A query for the facts of a scan, and a statement for its effects.

Nothing is locked in between: if the facts have changed, the statement does nothing, and the scan is
decided again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
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
from app.events.models import PendingEvent
from app.events.outbox import OUTBOX_COLUMNS
from app.musters.models import Muster, MusterKind
from app.musters.passages import Followed, OpenMuster
from app.musters.repository import open_at
from app.musters.statements import entry_added, entry_held, entry_marked, followed_values
from app.notifications.kinds import ABOUT_VISIT
from app.notifications.models import Notification
from app.notifications.repository import superseding
from app.scans.models import Scan
from app.scans.repository import turn_of_batches
from app.scans.schemas import ScanCreate
from app.sites.models import Site
from app.slots.seat_repository import seat_freed
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import RetiredQrCode, Visitor
from app.visitors.repository import PASSAGE
from app.visitors.stay_models import Stay
from app.visitors.stay_repository import newest_stay, stays_stored
from app.visitors.stays import newest_of

# unique_violation and foreign_key_violation (PostgreSQL, appendix A): another transaction was
# faster.
OVERTAKEN = {"23505", "23503"}


@dataclass(frozen=True, slots=True)
class Found:
    """The facts of a scan, as untracked copies.

    `earlier` is the caller's scan with the same `scan_id`, and `visitor` is then that of the scan.
    `newest` is the visitor's newest stay. `owner` had the code before; `is_replaced` is None
    unless the code is a former one. `muster` is the open one of the site of the gate, or else of
    the visit.
    """

    visitor: Visitor | None
    site: Site | None
    newest: Stay | None
    earlier: Scan | None
    owner: Visitor | None
    is_replaced: bool | None
    muster: OpenMuster | None

    def within(self, scope: Scope, place: UUID | None) -> "Found":
        """Return the facts as if a visit out of scope did not exist."""
        found = self.visitor or self.owner
        if found is None or scope.has_site(found.site_id):
            return self
        hidden = replace(self, visitor=None, site=None, newest=None, owner=None, is_replaced=None)
        return hidden if place else replace(hidden, muster=None)


def _finding() -> Query:
    """Return the query, which always has one row."""
    by_code = aliased(Visitor)
    of_code = select(by_code.id).where(by_code.qr_code == bindparam("code")).scalar_subquery()
    same_id = and_(
        Scan.caller_id == bindparam("caller_id"),
        Scan.scan_id == bindparam("scan_id", type_=Uuid()),
    )
    asked = select(literal(1).label("one")).subquery("asked")
    of_token = func.coalesce(of_code, RetiredQrCode.visitor_id)
    newest = newest_stay(Visitor.id)
    place = bindparam("place", type_=Uuid())
    return Query(
        select(
            RetiredQrCode.is_replaced,
            Muster.id,
            Muster.kind,
            Muster.started_at,
            *stored_columns(Scan),
            *stored_columns(Visitor),
            *stored_columns(Site),
            *newest.c,
        )
        .select_from(asked)
        .outerjoin(RetiredQrCode, RetiredQrCode.token_hash == bindparam("token_hash"))
        .outerjoin(Scan, same_id)
        .outerjoin(
            Visitor,
            Visitor.id == case((Scan.id.is_not(None), Scan.visitor_id), else_=of_token),
        )
        .outerjoin(Site, Site.id == Visitor.site_id)
        .outerjoin(newest, true())
        .outerjoin(Muster, open_at(func.coalesce(place, Visitor.site_id)))
    )


def _recording() -> Command:
    turn = _turn()
    kept = insertion(Scan, _names(Scan), "scans", when=[turn]).returning(Scan.id).cte("kept")
    return Command(select(kept.c.id).add_cte(_told(kept)))


def _noting() -> Command:
    """Store a scan that changes no visit, and marks of the visitor on a roster."""
    entry = entry_held()
    kept = (
        insertion(Scan, _names(Scan), "scans", when=[_turn(), entry]).returning(Scan.id).cte("kept")
    )
    return Command(select(kept.c.id).add_cte(*entry_marked(kept), _told(kept)))


def _told(kept: CTE) -> CTE:
    return insertion(PendingEvent, OUTBOX_COLUMNS, "told", when=[kept]).cte("told")


def _passing(*, frees_seat: bool, on_roster: bool | None = None) -> Command:
    """Change the visit and store stay, scan, audit entry and mails.

    In a muster, add an entry to the roster, or mark the one that the visitor has (`on_roster`). The
    locks are taken in the order visitor, entry, site, slot.
    """
    visit = _visit_held(_turn())
    entry = [entry_held(visit)] if on_roster else []
    site = _site_held(visit, *entry)
    passed = (
        update(Visitor)
        .where(Visitor.id == bindparam("visitor_id"), exists(select(site.c.id)))
        .values({name: bindparam(f"new_{name}") for name in CHANGED})
        .returning(Visitor.id, Visitor.slot_id, Visitor.is_self_registered, Visitor.version)
        .cte("passed")
    )
    written = [
        insertion(model, names, parameter, when=[passed]).cte()
        for model, names, parameter in (
            (Scan, _names(Scan), "scans"),
            (Notification, _names(Notification), "mails"),
        )
    ]
    version = {"subject_version": passed.c.version}
    event = insertion(AuditEntry, ENTRY_COLUMNS, "events", when=[passed], extra=version).cte()
    stay = stays_stored("stays", passed).cte("stay")
    ended = _ended(passed) if frees_seat else ()
    roster = {None: (), True: entry_marked(passed), False: (entry_added(passed),)}[on_roster]
    if on_roster is not None:
        roster = (*roster, _told(passed))
    return Command(select(passed.c.id).add_cte(stay, *written, event, *roster, *ended))


def _visit_held(turn: CTE) -> CTE:
    """Lock the visitor, unless somebody has passed meanwhile."""
    return (
        select(Visitor.id)
        .where(
            exists(select(turn.c.held)),
            Visitor.id == bindparam("visitor_id"),
            Visitor.qr_code == bindparam("code"),
            # Each passage changes one of these, so that the newest stay is still the newest.
            *(getattr(Visitor, name) == bindparam(f"was_{name}") for name in SEEN),
        )
        .with_for_update(key_share=True)
        .cte("visit")
    )


def _site_held(*when: CTE) -> CTE:
    """Keep a muster from being started before the commit, unless one has been already.

    This lock lets other scans and bookings pass, and changes of the site, too.
    """
    return (
        select(Site.id)
        .where(
            Site.id == bindparam("site_id"),
            Site.muster_version == bindparam("muster_version"),
            *(exists(select(part)) for part in when),
        )
        .with_for_update(read=True, key_share=True)
        .cte("site")
    )


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


SEEN = ("status", "is_away", "checked_out_automatically", "updated_at")
CHANGED = tuple(name for name in PASSAGE if name != "id")
_FIND, _RECORD, _NOTE = _finding(), _recording(), _noting()
_PASSING = {
    (frees_seat, on_roster): _passing(frees_seat=frees_seat, on_roster=on_roster)
    for frees_seat in (False, True)
    for on_roster in (None, False, True)
}
_SCAN_BEGINS = 4
_SCAN_ENDS = _SCAN_BEGINS + len(stored_columns(Scan))
_VISITOR_ENDS = _SCAN_ENDS + len(stored_columns(Visitor))
_SITE_ENDS = _VISITOR_ENDS + len(stored_columns(Site))


async def find(
    session: ReadSession, body: ScanCreate, caller_id: UUID, place: UUID | None
) -> Found:
    """Return the facts of a scan; `place` is the only site where the caller can be."""
    row = await session.row(
        _FIND,
        code=body.token,
        token_hash=token_hash(body.token),
        caller_id=caller_id,
        scan_id=body.scan_id,
        place=place,
    )
    if row is None:
        raise LookupError("the query always has one row")
    values = tuple(row)
    visitor = plain_copy(Visitor, values[_SCAN_ENDS:_VISITOR_ENDS])
    earlier = plain_copy(Scan, values[_SCAN_BEGINS:_SCAN_ENDS])
    is_former = earlier is None and visitor is not None and visitor.qr_code != body.token
    stored = plain_copy(Stay, values[_SITE_ENDS:])
    return Found(
        visitor=None if is_former else visitor,
        site=plain_copy(Site, values[_VISITOR_ENDS:_SITE_ENDS]),
        newest=newest_of(visitor, stored) if visitor else None,
        earlier=earlier,
        owner=visitor if is_former else None,
        is_replaced=values[0],
        muster=OpenMuster(values[1], MusterKind(values[2]), values[3]) if values[1] else None,
    )


def seen(visitor: Visitor) -> dict[str, Any]:
    """Return the facts of a visitor that must not change before the passage is stored."""
    return {name: getattr(visitor, name) for name in SEEN}


async def record(unit: WriteSession, scan: Scan, told: Sequence[dict[str, Any]]) -> bool:
    """Store a refused scan with its events; return False if it is not new."""
    return await _done(unit, _RECORD, **_kept(scan, told))


async def record_noted(
    unit: WriteSession,
    scan: Scan,
    told: Sequence[dict[str, Any]],
    followed: Followed,
    now: datetime,
) -> bool:
    """Store a scan that only marks the visitor on a roster; return False if that has changed."""
    return await _done(unit, _NOTE, **_kept(scan, told), **followed_values(followed, now))


def _kept(scan: Scan, told: Sequence[dict[str, Any]]) -> dict[str, str]:
    scans = as_json([values_of(scan)])
    return {"caller": str(scan.caller_id), "scans": scans, "told": as_json(told)}


async def record_passage(
    unit: WriteSession,
    scan: Scan,
    visitor: Visitor,
    site: Site,
    stay: Stay,
    followed: Followed | None,
    now: datetime,
    *,
    was: Mapping[str, Any],
    event: dict[str, Any],
    mails: Sequence[dict[str, Any]],
    told: Sequence[dict[str, Any]],
) -> bool:
    """Store a check-in or check-out; return False if the facts, as `seen`, have changed."""
    frees_seat = was["status"] in HOLDS_SEAT and visitor.status not in HOLDS_SEAT
    on_roster = None if followed is None else followed.on_roster
    return await _done(
        unit,
        _PASSING[frees_seat, on_roster],
        **(followed_values(followed, now) if followed else {}),
        caller=str(scan.caller_id),
        visitor_id=visitor.id,
        site_id=site.id,
        muster_version=site.muster_version,
        code=visitor.qr_code,
        stays=as_json([values_of(stay)]),
        **{f"was_{name}": value for name, value in was.items()},
        **{f"new_{name}": getattr(visitor, name) for name in CHANGED},
        scans=as_json([values_of(scan)]),
        events=as_json([event]),
        mails=as_json(mails),
        told=as_json(told),
    )


async def _done(unit: WriteSession, statement: Command, **values: Any) -> bool:
    try:
        return await unit.row(statement, **values) is not None
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in OVERTAKEN:
            raise
        return False
