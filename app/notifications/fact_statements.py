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
    FromClause,
    String,
    Time,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.sql.selectable import LateralFromClause

from app.notifications.kinds import ABOUT_VISIT, TO_HOST, TO_VISITOR, NotificationKind

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
    column("registered_by_stranger", Boolean),
    column("slot_id", Uuid),
    column("status", String),
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
)
_slots = table("slots", column("id", Uuid), column("closed_shifts", ARRAY(Date)))
_users = table("users", column("id", Uuid), column("email", String), column("is_active", Boolean))

_visit, _site, _host = _visits.alias("visit"), _sites.alias("site"), _users.alias("host")
_slot = _slots.alias("slot")
_addressee = _users.alias("addressee")  # the account of the recipient
_OPEN = ("pending", "verified")


def words(values: Iterable[str]) -> list[ColumnElement[str]]:
    """Return SQL literals, which can use partial indexes."""
    return [literal_column(f"'{value}'", String) for value in sorted(values)]


def true_facts(mail: CTE) -> CTE:
    """Return the current recipient and content; no recipient if the mail is outdated."""
    kind, listed = cast(mail.c.kind, String), _listed(mail)
    facts_of_mail = {
        "recipient": cast(_recipient(mail, kind, listed), String),
        "recipient_name": cast(_recipient_name(mail, kind), String),
        "payload": cast(_payload(mail, kind, listed), JSONB),
    }
    columns = (column.label(name) for name, column in facts_of_mail.items())
    return select(mail.c.id, *columns).select_from(_sources(mail, kind, listed)).cte("facts")


def _is(kind: ColumnElement[str], wanted: NotificationKind) -> ColumnElement[bool]:
    return kind == literal_column(f"'{wanted}'", String)


def _sources(mail: CTE, kind: ColumnElement[str], listed: LateralFromClause) -> FromClause:
    named = cast(mail.c.payload["account_id"].astext, Uuid)
    is_about = and_(_visit.c.id == mail.c.visitor_id, kind.in_(words(ABOUT_VISIT)))
    is_reminder = _is(kind, NotificationKind.visitor_reminder)
    return (
        mail.outerjoin(_visit, is_about)
        .outerjoin(_site, _site.c.id == _visit.c.site_id)
        .outerjoin(_host, _host.c.id == _visit.c.host_id)
        .outerjoin(_slot, and_(_slot.c.id == _visit.c.slot_id, is_reminder))
        .outerjoin(_addressee, _addressee.c.id == named)
        .outerjoin(listed, _is(kind, NotificationKind.host_bulk_summary))
    )


def _recipient(
    mail: CTE, kind: ColumnElement[str], listed: LateralFromClause
) -> ColumnElement[str | None]:
    is_summary = _is(kind, NotificationKind.host_bulk_summary)
    of_visit = case((kind.in_(words(TO_VISITOR)), _visit.c.email), else_=_host_address(kind))
    return case(
        (func.cardinality(_slot.c.closed_shifts) > 0, null()),
        (_visit.c.id.is_not(None), of_visit),
        (and_(is_summary, listed.c.visitors.is_(None)), null()),
        (_addressee.c.is_active.is_(True), _addressee.c.email),
        (_addressee.c.is_active.is_(False), case((is_summary, listed.c.reception_email))),
        else_=mail.c.recipient,
    )


def _recipient_name(mail: CTE, kind: ColumnElement[str]) -> ColumnElement[str]:
    return case(
        (_visit.c.id.is_(None), mail.c.recipient_name),
        (kind.in_(words(TO_VISITOR)), _visit.c.name),
        (_goes_to_reception(), _site.c.name),
        else_=func.coalesce(_visit.c.host_name, ""),
    )


def _payload(mail: CTE, kind: ColumnElement[str], listed: LateralFromClause) -> ColumnElement[Any]:
    over = mail.c.payload.op("||")
    is_summary = _is(kind, NotificationKind.host_bulk_summary)
    return case(
        (_visit.c.id.is_not(None), over(_of_visit(kind))),
        (is_summary, over(_object({"visitors": listed.c.visitors}))),
        else_=mail.c.payload,
    )


def _host_address(kind: ColumnElement[str]) -> ColumnElement[str | None]:
    """Return the host's address; the reception's for a closed account or an arrival."""
    is_arrival = _is(kind, NotificationKind.host_arrival)
    return case(
        (_is_closed(), _site.c.reception_email),
        (and_(_visit.c.host_email.is_(None), is_arrival), _site.c.reception_email),
        else_=_visit.c.host_email,
    )


def _is_closed() -> ColumnElement[bool]:
    return or_(_visit.c.host_closed.is_(True), _host.c.is_active.is_(False))


def _goes_to_reception() -> ColumnElement[bool]:
    return or_(_is_closed(), _visit.c.host_email.is_(None))


def _of_visit(kind: ColumnElement[str]) -> ColumnElement[Any]:
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
    facts: dict[str, ColumnElement[Any]] = {
        "language": _site.c.language,
        "visitor_name": _visit.c.name,
        "company": _visit.c.company,
        "purpose": _visit.c.purpose,
        "host_name": case((is_shown, named), else_=as_sent),
        "site_name": _site.c.name,
        "site_address": _site.c.address,
        "timezone": _site.c.timezone,
        "visit_date": _visit.c.visit_date,
        "visit_time": _visit.c.visit_time,
        "qr_code": _visit.c.qr_code,
        "sequence": _visit.c.revision,
        "contact_phone": _site.c.contact_phone,
        "contact_email": _site.c.contact_email,
        "to_reception": _goes_to_reception(),
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
    """Return the visitors of a summary whom the host still expects."""
    visit, site = _visits.alias("listed_visit"), _sites.alias("listed_site")
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
    in_order = (visit.c.visit_date, visit.c.visit_time, visit.c.name, visit.c.id)
    return (
        select(
            func.jsonb_agg(aggregate_order_by(row, *in_order)).label("visitors"),
            func.max(site.c.reception_email).label("reception_email"),
        )
        .select_from(visit.join(site, site.c.id == visit.c.site_id))
        .where(visit.c.id.in_(ids), visit.c.status.in_(words(_OPEN)), is_theirs)
        .lateral("listed")
    )
