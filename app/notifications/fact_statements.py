"""Current facts of a claimed mail.

This package is below visits, sites and accounts, so it names columns, not models.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    LargeBinary,
    String,
    Time,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import LateralFromClause

from app.notifications.kinds import (
    ABOUT_VISIT,
    OF_ARRIVAL,
    TO_HOST,
    TO_VISITOR,
    NotificationKind,
)
from app.notifications.models import Notification, NotificationStatus

_visits = table(
    "visitors",
    column("id", Uuid),
    column("site_id", Uuid),
    column("name", String),
    column("email", String),
    column("company", String),
    column("purpose", String),
    column("visit_date", Date),
    column("visit_time", Time),
    column("host_id", Uuid),
    column("host_name", String),
    column("host_email", String),
    column("host_as_sent", String),
    column("host_closed", Boolean),
    column("co_hosts", JSONB),
    column("duration_minutes"),
    column("registered_by_stranger", Boolean),
    column("language", String),
    column("slot_id", Uuid),
    column("status", String),
    column("checked_in_at", DateTime(timezone=True)),
    column("qr_code", String),
    column("revision"),
)
_sites = table(
    "sites",
    column("id", Uuid),
    column("name", String),
    column("address", String),
    column("timezone", String),
    column("language", String),
    column("reception_email", String),
    column("contact_phone", String),
    column("contact_email", String),
    column("brand_name", String),
    column("brand_color", String),
)
_logos = table("site_logos", column("site_id", Uuid), column("png", LargeBinary))
_slots = table("slots", column("id", Uuid), column("closed_shifts", ARRAY(Date)))
_users = table("users", column("id", Uuid), column("email", String), column("is_active", Boolean))

_visit, _site, _host = _visits.alias("visit"), _sites.alias("site"), _users.alias("host")
_slot = _slots.alias("slot")
_addressee = _users.alias("addressee")  # the account of the recipient
_OPEN = ("pending", "verified")
_BRAND = ("brand_name", "brand_color", "logo")


def words(values: Iterable[str]) -> list[ColumnElement[str]]:
    """Return SQL literals, which can use partial indexes."""
    return [literal_column(f"'{value}'", String) for value in sorted(values)]


def true_facts(mail: CTE) -> CTE:
    """Return the current recipient and content; no recipient if the mail is outdated."""
    kind, listed, co_host = cast(mail.c.kind, String), _listed(mail), _co_host(mail)
    facts_of_mail = {
        "recipient": cast(_recipient(mail, kind, listed, co_host), String),
        "recipient_name": cast(_recipient_name(mail, kind, co_host), String),
        "payload": cast(_payload(mail, kind, listed, co_host), JSONB),
    }
    columns = (column.label(name) for name, column in facts_of_mail.items())
    sources = _sources(mail, kind, listed).outerjoin(co_host, _is_to_co_host(mail))
    return select(mail.c.id, *columns).select_from(sources).cte("facts")


def _is(kind: ColumnElement[str], wanted: NotificationKind) -> ColumnElement[bool]:
    return kind == literal_column(f"'{wanted}'", String)


def _sources(mail: CTE, kind: ColumnElement[str], listed: LateralFromClause) -> FromClause:
    named = cast(mail.c.payload["account_id"].astext, Uuid)
    is_about = and_(_visit.c.id == mail.c.visitor_id, kind.in_(words(ABOUT_VISIT)))
    is_reminder = _is(kind, NotificationKind.visitor_reminder)
    return (
        mail.outerjoin(_visit, is_about)
        .outerjoin(_site, _site.c.id == _visit.c.site_id)
        .outerjoin(_logos, _logos.c.site_id == _site.c.id)
        .outerjoin(_host, _host.c.id == _visit.c.host_id)
        .outerjoin(_slot, and_(_slot.c.id == _visit.c.slot_id, is_reminder))
        .outerjoin(_addressee, _addressee.c.id == named)
        .outerjoin(listed, _is(kind, NotificationKind.host_bulk_summary))
    )


def _is_to_co_host(mail: CTE) -> ColumnElement[bool]:
    return mail.c.co_host != literal_column("''", String)


def _co_host(mail: CTE) -> LateralFromClause:
    """Return the co-host to whom a mail goes, unless removed or the host by now."""
    entry = func.jsonb_array_elements(_visit.c.co_hosts).column_valued("co_host_entry")
    email, name = (entry.op("->>")(literal_column(f"'{key}'", String)) for key in ("email", "name"))
    is_host = func.lower(mail.c.co_host) == func.lower(_visit.c.host_email)
    return (
        select(cast(email, String).label("email"), cast(name, String).label("name"))
        .where(email == mail.c.co_host, is_host.is_not(True))
        .lateral("co_host")
    )


def _recipient(
    mail: CTE, kind: ColumnElement[str], listed: LateralFromClause, co_host: LateralFromClause
) -> ColumnElement[str | None]:
    is_summary = _is(kind, NotificationKind.host_bulk_summary)
    is_withdrawn = _is(kind, NotificationKind.host_arrival_withdrawn)
    of_visit = case(
        (kind.in_(words(TO_VISITOR)), _visit.c.email),
        (_is_to_co_host(mail), co_host.c.email),
        else_=_host_address(kind),
    )
    return case(
        (func.cardinality(_slot.c.closed_shifts) > 0, null()),
        (and_(is_withdrawn, ~_host_was_told(mail)), null()),
        (_visit.c.id.is_not(None), of_visit),
        (and_(is_summary, listed.c.visitors.is_(None)), null()),
        (_addressee.c.is_active.is_(True), _addressee.c.email),
        (_addressee.c.is_active.is_(False), case((is_summary, listed.c.reception_email))),
        else_=mail.c.recipient,
    )


def _recipient_name(
    mail: CTE, kind: ColumnElement[str], co_host: LateralFromClause
) -> ColumnElement[str]:
    return case(
        (_visit.c.id.is_(None), mail.c.recipient_name),
        (kind.in_(words(TO_VISITOR)), _visit.c.name),
        (_is_to_co_host(mail), func.coalesce(co_host.c.name, "")),
        (_goes_to_reception(), _site.c.name),
        else_=func.coalesce(_visit.c.host_name, ""),
    )


def _payload(
    mail: CTE, kind: ColumnElement[str], listed: LateralFromClause, co_host: LateralFromClause
) -> ColumnElement[Any]:
    over = mail.c.payload.op("||")
    is_summary = _is(kind, NotificationKind.host_bulk_summary)
    return case(
        (_visit.c.id.is_not(None), over(_of_visit(mail, kind, co_host))),
        (is_summary, over(_object({name: listed.c[name] for name in ("visitors", *_BRAND)}))),
        else_=mail.c.payload,
    )


def _host_address(kind: ColumnElement[str]) -> ColumnElement[str | None]:
    """Return the host's address; the reception's for a closed account or an arrival."""
    is_arrival = kind.in_(words(OF_ARRIVAL))
    return case(
        (_is_closed(), _site.c.reception_email),
        (and_(_visit.c.host_email.is_(None), is_arrival), _site.c.reception_email),
        else_=_visit.c.host_email,
    )


def _host_was_told(mail: CTE) -> ColumnElement[bool]:
    """Return whether a mail about the arrival has left, which may have been on its way."""
    told = aliased(Notification)
    return exists().where(
        told.visitor_id == mail.c.visitor_id,
        _is(cast(told.kind, String), NotificationKind.host_arrival),
        cast(told.status, String) == literal_column(f"'{NotificationStatus.SENT}'", String),
    )


def _is_of_guest(mail: CTE) -> ColumnElement[bool]:
    """Return whether the visitor had arrived when the mail was made: no mail of it follows."""
    is_on_site = _visit.c.status == literal_column("'verified'", String)
    return and_(is_on_site, mail.c.created_at > _visit.c.checked_in_at)


def _is_closed() -> ColumnElement[bool]:
    return or_(_visit.c.host_closed.is_(True), _host.c.is_active.is_(False))


def _goes_to_reception() -> ColumnElement[bool]:
    return or_(_is_closed(), _visit.c.host_email.is_(None))


def _of_visit(
    mail: CTE, kind: ColumnElement[str], co_host: LateralFromClause
) -> ColumnElement[Any]:
    is_named_by_us = _visit.c.host_as_sent.is_(None)
    # A host address typed by the visitor is never shown.
    named = case(
        (is_named_by_us, func.coalesce(_visit.c.host_name, _visit.c.host_email)),
        else_=_visit.c.host_name,
    )
    as_sent = func.nullif(_visit.c.host_as_sent, "")
    is_shown = or_(is_named_by_us, kind.in_(words(TO_HOST)))
    answers = and_(
        is_named_by_us,
        _visit.c.host_email.is_not(None),
        ~_is_closed(),
    )
    of_visitor = func.coalesce(_visit.c.language, _site.c.language)
    facts: dict[str, ColumnElement[Any]] = {
        "language": case((kind.in_(words(TO_VISITOR)), of_visitor), else_=_site.c.language),
        "visitor_name": _visit.c.name,
        "company": _visit.c.company,
        "purpose": _visit.c.purpose,
        "host_name": case((is_shown, named), else_=as_sent),
        "site_name": _site.c.name,
        "site_address": _site.c.address,
        "timezone": _site.c.timezone,
        "visit_date": _visit.c.visit_date,
        "visit_time": _visit.c.visit_time,
        "duration_minutes": _visit.c.duration_minutes,
        "co_host_name": co_host.c.name,
        "visiting_since": case((_is_of_guest(mail), _visit.c.checked_in_at)),
        "qr_code": _visit.c.qr_code,
        "sequence": _visit.c.revision,
        "contact_phone": _site.c.contact_phone,
        "contact_email": _site.c.contact_email,
        "brand_name": _site.c.brand_name,
        "brand_color": _site.c.brand_color,
        "logo": func.encode(_logos.c.png, literal_column("'base64'", String)),
        "to_reception": and_(_goes_to_reception(), ~_is_to_co_host(mail)),
        # Rows of the previous release have the column's default.
        "is_typed_by_stranger": or_(_visit.c.registered_by_stranger, ~is_named_by_us),
        "reply_to": case(
            (kind.in_(words(TO_HOST)), null()),
            (answers, _visit.c.host_email),
            else_=_site.c.contact_email,
        ),
    }
    return _object(facts)


def _object(values: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    pairs = ((literal_column(f"'{name}'", String), value) for name, value in values.items())
    return func.jsonb_build_object(*chain.from_iterable(pairs))


def _listed(mail: FromClause) -> LateralFromClause:
    """Return the visitors of a summary whom the host still expects, and the brand of their site."""
    visit, site = _visits.alias("listed_visit"), _sites.alias("listed_site")
    logos = _logos.alias("listed_logo")
    entry = func.jsonb_array_elements(mail.c.payload["visitors"]).column_valued("entry")
    ids = select(cast(entry.op("->>")("visitor_id"), Uuid))
    account = cast(mail.c.payload["account_id"].astext, Uuid)
    is_theirs = case(
        (account.is_not(None), visit.c.host_id == account),
        else_=func.lower(visit.c.host_email) == func.lower(mail.c.recipient),
    )
    row = _object(
        {
            "visitor_id": visit.c.id,
            "name": visit.c.name,
            "company": visit.c.company,
            "visit_date": visit.c.visit_date,
            "visit_time": visit.c.visit_time,
            "site_name": site.c.name,
            "timezone": site.c.timezone,
        }
    )
    logo = func.encode(logos.c.png, literal_column("'base64'", String))
    is_one_site = func.count(site.c.id.distinct()) == literal_column("1")
    brand = {
        name: case((is_one_site, func.max(value))).label(name)
        for name, value in zip(_BRAND, (site.c.brand_name, site.c.brand_color, logo), strict=True)
    }
    in_order = (visit.c.visit_date, visit.c.visit_time, visit.c.name, visit.c.id)
    return (
        select(
            func.jsonb_agg(aggregate_order_by(row, *in_order)).label("visitors"),
            func.max(site.c.reception_email).label("reception_email"),
            *brand.values(),
        )
        .select_from(
            visit.join(site, site.c.id == visit.c.site_id).outerjoin(
                logos, logos.c.site_id == site.c.id
            )
        )
        .where(visit.c.id.in_(ids), visit.c.status.in_(words(_OPEN)), is_theirs)
        .lateral("listed")
    )
