from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.plain import new_plain
from app.core.text import account_key
from app.departments.models import Department
from app.sites.models import Site
from app.visitors import schemas
from app.visitors.host_service import NamedHost
from app.visitors.models import Visitor, VisitorStatus


@dataclass(frozen=True, slots=True)
class Registration:
    """The facts of a registration, before its seat is taken.

    `host_as_sent` is the host as typed by the visitor, or "".
    """

    form: schemas.VisitorFacts
    caller: Caller
    site: Site
    day: date
    at: time
    department: Department | None
    host: NamedHost
    host_as_sent: str | None = None
    self_registered: bool = False


def new_visitor(
    registration: Registration, qr_code: str, now: datetime, slot_id: UUID | None = None
) -> Visitor:
    form, host, department = registration.form, registration.host, registration.department
    is_self_registered = registration.self_registered
    return new_plain(
        Visitor,
        **form.model_dump(include=schemas.OWN_FIELDS),
        visit_date=registration.day,
        visit_time=registration.at,
        site=registration.site,
        site_id=registration.site.id,
        department=department,
        department_id=department.id if department else None,
        slot_id=slot_id,
        host_id=host.id,
        host_name=host.name,
        host_email=host.email,
        host_as_sent=registration.host_as_sent,
        booked_by=booked_by(registration.caller, host),
        host_closed=False,
        is_self_registered=is_self_registered,
        self_registration_key=account_key(form.email) if is_self_registered else None,
        registered_by_stranger=not registration.caller.is_person,
        status=VisitorStatus.PENDING,
        qr_code=qr_code,
        revision=0,
        is_rescheduled=False,
        checked_out_automatically=False,
        created_at=now,
        updated_at=now,
    )


def booked_by(caller: Caller, host: NamedHost) -> str | None:
    """Return the caller's name; None for the host and for anonymous callers."""
    return None if caller.id is None or caller.id == host.id else caller.name


def answer(registration: Registration, visitor: Visitor) -> schemas.Visitor:
    """Return the visitor as the caller may see it; visitors see only what they sent."""
    shown, caller = schemas.Visitor.of(visitor), registration.caller
    if caller.is_person:
        return shown
    hidden = {"qr_code": None, "host_email": None, "host_name": registration.host_as_sent or None}
    host_id = registration.form.host_id if caller.is_kiosk else None
    return shown.model_copy(update={**hidden, "host_id": host_id})
