"""The service's transactions in the fewest statements, with pgbench's `:name` values."""

import re
from typing import NamedTuple

NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Statement(NamedTuple):
    """A statement; with `hands_on`, its columns are values for later ones."""

    sql: str
    hands_on: bool = False


FACTS = """
SELECT sites.id AS site, exists(
    SELECT FROM site_closures WHERE site_id = sites.id AND date = current_date + :days::int
) AS closed
FROM sites LEFT JOIN users ON users.email_key = :host_email::text AND users.is_active
WHERE sites.is_default
"""
FREE_SLOT = """
SELECT id AS slot FROM slots
WHERE site_id = :site AND visit_date = current_date + :days::int AND hour = :hour::int
    AND booked < capacity
FOR UPDATE
"""
TAKE_SEAT = "UPDATE slots SET booked = booked + 1 WHERE id = :slot"
VISITOR_COLUMNS = """
INSERT INTO visitors (id, site_id, slot_id, name, email, phone, company, visitor_type,
    visitor_category, purpose, visit_date, visit_time, host_name, host_email, status, qr_code,
    revision, is_rescheduled, checked_out_automatically, created_at, updated_at)
"""
VISITOR_VALUES = """
    :name::text, :email::text, :phone::text, :company::text, 'professional', 'industry',
    :purpose::text, current_date + :days::int, make_time(:hour::int, 15, 0), :host_name::text,
    :host_email::text, 'pending', :code::text, 0, false, false, now(), now()
"""
EVENT_COLUMNS = """
INSERT INTO audit_entries (id, subject_id, action, actor_role, actor_name, request_id, details,
    created_at)
"""
EVENT_VALUES = "'admin', 'Front Desk', 'bench', '{}'::jsonb, now()"
MAIL_COLUMNS = """
INSERT INTO notifications (id, visitor_id, kind, version, recipient, recipient_name, payload,
    status, attempts, tries_began_at, next_attempt_at, created_at)
"""
# Of real size, and already sent, so that the worker ignores these rows.
PAYLOAD = '{"visitor_name": "' + 400 * "A" + '"}'
MAIL_VALUES = f"0, 'ada@example.com', 'Ada', '{PAYLOAD}'::jsonb, 'sent', 0, now(), now(), now()"
BOTH_KINDS = "unnest(ARRAY['visitor_confirmation', 'host_registration']) AS kind"


def _event(action: str) -> Statement:
    return Statement(
        f"{EVENT_COLUMNS} VALUES (uuidv7(), :visitor::uuid, '{action}', {EVENT_VALUES})"
    )


def _mails(kinds: str) -> Statement:
    return Statement(
        f"{MAIL_COLUMNS} SELECT uuidv7(), :visitor::uuid, kind, {MAIL_VALUES} FROM {kinds}"
    )


REGISTER = (
    Statement("BEGIN"),
    Statement(FACTS, hands_on=True),
    Statement(FREE_SLOT, hands_on=True),
    Statement(TAKE_SEAT),
    Statement(
        f"{VISITOR_COLUMNS} VALUES (uuidv7(), :site, :slot, {VISITOR_VALUES})"
        " RETURNING id AS visitor",
        hands_on=True,
    ),
    _event("registered"),
    _mails(BOTH_KINDS),
    Statement("COMMIT"),
)
# One round trip, which commits by itself.
REGISTER_AT_ONCE = (
    Statement(FACTS, hands_on=True),
    Statement(
        f"""
WITH free AS ({FREE_SLOT}),
taken AS (UPDATE slots SET booked = booked + 1 FROM free WHERE id = free.slot RETURNING id),
visitor AS ({VISITOR_COLUMNS} SELECT uuidv7(), :site, taken.id, {VISITOR_VALUES} FROM taken
    RETURNING id),
event AS ({EVENT_COLUMNS} SELECT uuidv7(), id, 'registered', {EVENT_VALUES} FROM visitor),
mails AS ({MAIL_COLUMNS} SELECT uuidv7(), id, kind, {MAIL_VALUES} FROM visitor, {BOTH_KINDS})
SELECT id AS visitor FROM visitor
""",
        hands_on=True,
    ),
)
SCAN = (
    Statement("BEGIN"),
    Statement("SELECT verdict FROM scans WHERE caller_id = :caller AND scan_id = :scan"),
    Statement(
        "SELECT visitors.id AS visitor, visitors.status, visitors.visit_date, visitors.visit_time,"
        " sites.timezone, sites.early_arrival_minutes FROM visitors"
        " JOIN sites ON sites.id = visitors.site_id WHERE qr_code = :code FOR UPDATE OF visitors",
        hands_on=True,
    ),
    Statement(
        "UPDATE visitors SET status = 'verified', checked_in_at = now(),"
        " checked_in_gate = 'North', updated_at = now() WHERE id = :visitor"
    ),
    Statement(
        "INSERT INTO scans (id, visitor_id, caller_id, scan_id, body_hash, token_hash, direction,"
        " gate, verdict, message, details, created_at) VALUES (uuidv7(), :visitor, :caller, :scan,"
        " :hash, :hash, 'in', 'North', 'admitted', 'Welcome', '{}', now())"
    ),
    Statement(
        "INSERT INTO stays (id, visitor_id, site_id, in_at, in_gate, in_method, created_at)"
        " SELECT uuidv7(), id, site_id, now(), 'North', 'gate', now() FROM visitors"
        " WHERE id = :visitor"
    ),
    _event("checked_in"),
    _mails("(VALUES ('host_arrival')) AS one (kind)"),
    Statement("COMMIT"),
)
