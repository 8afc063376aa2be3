from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.plain import new_plain
from app.core.text import account_key
from app.departments.models import Department
from app.sites.models import Site
from app.visitors import schemas
from app.visitors.co_hosts import others
from app.visitors.group_models import Group
from app.visitors.host_service import NamedHost
from app.visitors.models import Visitor, VisitorStatus


@dataclass(frozen=True, slots=True)
class Registration:
    """The facts of a registration, before its seat is taken.

    `host_as_sent` is the host as typed by the visitor, or "". Without `duration_minutes` the visit
    lasts as long as is usual at the site.
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
    duration_minutes: int | None = None
    co_hosts: Sequence[schemas.CoHost] = field(default=())


def new_visitor(
    registration: Registration,
    qr_code: str,
    now: datetime,
    slot_id: UUID | None = None,
    group: Group | None = None,
) -> Visitor:
    form, host, department = registration.form, registration.host, registration.department
    is_self_registered = registration.self_registered
    return new_plain(
        Visitor,
        **form.model_dump(include=schemas.OWN_FIELDS),
        visit_date=registration.day,
        visit_time=registration.at,
        duration_minutes=registration.duration_minutes or registration.site.visit_minutes,
        site=registration.site,
        site_id=registration.site.id,
        department=department,
        department_id=department.id if department else None,
        slot_id=slot_id,
        group=group,
        group_id=group.id if group else None,
        host_id=host.id,
        host_name=host.name,
        host_email=host.email,
        co_hosts=[dict(one) for one in others(_stored(registration.co_hosts), host.email)],
        host_as_sent=registration.host_as_sent,
        booked_by=booked_by(registration.caller, host),
        host_closed=False,
        is_self_registered=is_self_registered,
        self_registration_key=self_registration_key(form.email) if is_self_registered else None,
        registered_by_stranger=not registration.caller.is_trusted,
        status=VisitorStatus.PENDING,
        qr_code=qr_code,
        revision=0,
        is_rescheduled=False,
        checked_out_automatically=False,
        is_away=False,
        created_at=now,
        updated_at=now,
    )


def self_registration_key(email: str | None) -> str | None:
    """Return the key of a self-registered visit; None without an address."""
    return None if email is None else account_key(email)


def _stored(co_hosts: Sequence[schemas.CoHost]) -> list[dict[str, Any]]:
    return [one.model_dump() for one in co_hosts]


def booked_by(caller: Caller, host: NamedHost) -> str | None:
    """Return the caller's name; None for the host and for anonymous callers."""
    return None if caller.id is None or caller.id == host.id else caller.name


def answer(registration: Registration, visitor: Visitor) -> schemas.Visitor:
    """Return the visitor as the caller may see it; visitors see only what they sent."""
    shown, caller = schemas.Visitor.of(visitor), registration.caller
    if caller.is_trusted:
        return shown
    hidden = {"qr_code": None, "host_email": None, "host_name": registration.host_as_sent or None}
    host_id = registration.form.host_id if caller.is_kiosk else None
    return shown.model_copy(update={**hidden, "host_id": host_id})
