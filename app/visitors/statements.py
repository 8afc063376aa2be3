from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Date, and_, bindparam, literal_column, or_, select

from app.audit.models import AuditEntry
from app.audit.repository import ENTRY_COLUMNS
from app.core.db.database import ReadSession, WriteSession
from app.core.db.inserting import as_json, insertion, values_of
from app.core.db.models import Entity
from app.core.db.plain import new_plain, plain_copy, stored_columns
from app.core.db.prepared import Command, Query
from app.core.db.repository import refusals
from app.core.db.scope import Scope
from app.core.text import account_key, is_same_mailbox
from app.departments.models import Department
from app.notifications.models import Notification
from app.sites.models import Site
from app.sites.repository import closures_of
from app.slots.seat_repository import seat_taken
from app.users.models import User, full_name
from app.users.repository import receives
from app.visitors.errors import ONE_FOR_AN_ADDRESS
from app.visitors.host_service import NamedHost
from app.visitors.models import Visitor

Rows = Sequence[Mapping[str, Any]]
FIRST_VERSION: ColumnElement[int] = literal_column("1")
NOTHING: Mapping[str, Rows] = {}
RowsOf = tuple[type[Entity], Sequence[str], str]
"""A model, its columns, and the parameter with the rows."""


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """The facts for a registration; `closed` are closures around the day."""

    site: Site
    closed: Collection[date]
    department: Department | None
    host: NamedHost | None


def _facts(*chosen: ColumnElement[bool]) -> Query:
    closed = closures_of(bindparam("day", type_=Date()))
    by_address = and_(User.email_key == bindparam("host_key"), receives())
    host = or_(by_address, and_(User.id == bindparam("host_id"), User.is_active))
    account = (User.id, User.first_name, User.last_name, User.email, User.sites)
    return Query(
        select(closed, Department.id, Department.name, *account, *stored_columns(Site))
        .select_from(Site)
        .outerjoin(Department, Department.id == bindparam("department_id"))
        .outerjoin(User, host)
        .where(*chosen)
    )


_OF_SITE = _facts(Site.id == bindparam("site_id"))
_OF_DEFAULT_SITE = _facts(Site.is_default.is_(True))


async def facts(
    session: ReadSession,
    site_id: UUID | None,
    day: date,
    department_id: UUID | None,
    host_id: UUID | None,
    host_email: str | None,
    scope: Scope,
) -> BookingFacts | None:
    """Everything that a registration depends on (the default site for None); None without a site.

    The host is the account of `host_id`, unless it works only out of scope, or else the one behind
    `host_email`. Site and department
    are plain copies: what is set in them goes nowhere.
    """
    values = {
        "day": day,
        "department_id": department_id,
        "host_id": host_id,
        "host_key": account_key(host_email) if host_email and host_id is None else None,
    }
    if site_id is None:
        row = await session.row(_OF_DEFAULT_SITE, **values)
    else:
        row = await session.row(_OF_SITE, **values, site_id=site_id)
    if row is None:
        return None
    (
        closed,
        known_id,
        department_name,
        account_id,
        first_name,
        last_name,
        email,
        works_at,
        *columns,
    ) = row
    site = plain_copy(Site, columns)
    if site is None:
        return None
    department = new_plain(Department, id=known_id, name=department_name) if known_id else None
    is_theirs = account_id and (
        scope.meets(works_at) if host_id else is_same_mailbox(email, host_email or "")
    )
    host = NamedHost(account_id, full_name(first_name, last_name), email) if is_theirs else None
    return BookingFacts(site, closed or (), department, host)


def columns_of(model: type[Entity], *left_out: str) -> tuple[str, ...]:
    return tuple(c.name for c in stored_columns(model) if c.name not in left_out)


def booking(
    *further: RowsOf,
    by_stranger: bool = False,
    when: Sequence[CTE] = (),
    then: Sequence[Callable[[CTE], CTE]] = (),
) -> Command:
    """Lock the slot, take the seat and store all rows, also `further` ones, in one round trip.

    It does nothing unless all of `when` have a row. `then` are other parts that depend on the seat.
    """
    taken = seat_taken(by_stranger=by_stranger, when=when)
    visitors = insertion(
        Visitor,
        columns_of(Visitor, "slot_id"),
        "visitors",
        when=[taken],
        extra={"slot_id": taken.c.id},
    )
    entries = insertion(
        AuditEntry, ENTRY_COLUMNS, "events", when=[taken], extra={"subject_version": FIRST_VERSION}
    )
    others: tuple[RowsOf, ...] = (
        (Notification, columns_of(Notification), "mails"),
        *further,
    )
    written = [
        visitors.cte(),
        entries.cte(),
        *(insertion(*each, when=[taken]).cte() for each in others),
        *(part(taken) for part in then),
    ]
    return Command(select(taken.c.id).add_cte(*written))


_BOOKING, _BOOKING_BY_STRANGER = booking(), booking(by_stranger=True)


async def book(
    unit: WriteSession,
    visitor: Visitor,
    shift: date,
    events: Rows,
    mails: Rows,
    with_further: Command | None = None,
    further: Mapping[str, Rows] = NOTHING,
    **facts: Any,
) -> bool:
    """Take a seat and store the rows; return False if the slot is full, closed, or has no row.

    `shift` is the day whose opening hours include the visit. `with_further` is the `booking` that
    also stores `further` rows, by parameter, and depends on `facts`. Raise `AlreadyRegistered`.
    """
    own = _BOOKING_BY_STRANGER if visitor.is_self_registered else _BOOKING
    with refusals(ONE_FOR_AN_ADDRESS):
        row = await unit.row(
            with_further or own,
            **visitor.slot_key._asdict(),
            shift=shift,
            visitors=as_json([values_of(visitor)]),
            events=as_json(events),
            mails=as_json(mails),
            **{parameter: as_json(rows) for parameter, rows in further.items()},
            **facts,
        )
    return row is not None
