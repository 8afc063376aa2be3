"""The history of demo visitors in other tables, derived by SQL.

Statements cover the sites `$1`, the days `$2` to `$3`, and the subjects `$4`.
"""

from dataclasses import dataclass

# A UUID version 7 for an instant (RFC 9562), by which lists are sorted.
ID_OF_AT = """(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"""

# Sent or superseded, so that the worker sends nothing.
MAILS = """
INSERT INTO notifications (id, visitor_id, kind, version, recipient, recipient_name, payload,
    status, attempts, tries_began_at, next_attempt_at, sent_at, created_at)
SELECT ID_OF_AT, visitors.id, kind, 0, recipient, recipient_name, payload || arrival,
    CASE WHEN at <= now() THEN 'sent' ELSE 'superseded' END, (at <= now())::int,
    least(at, now()), least(at, now()), CASE WHEN at <= now() THEN at END, least(at, now())
FROM visitors JOIN sites ON sites.id = site_id, LATERAL (SELECT jsonb_build_object(
        'language', sites.language, 'visitor_id', visitors.id, 'visitor_name', visitors.name,
        'company', company, 'purpose', purpose, 'host_name', host_name,
        'site_name', sites.name, 'site_address', address, 'timezone', timezone,
        'visit_date', visit_date, 'visit_time', to_char(visit_time, 'HH24:MI:SS'),
        'qr_code', qr_code, 'sequence', 0) AS payload OFFSET 0) AS said,
    LATERAL (VALUES
        ('visitor_confirmation', email, visitors.name, visitors.created_at, '{}'::jsonb),
        ('host_registration', host_email, host_name, visitors.created_at, '{}'),
        ('visitor_reminder', email, visitors.name,
            (visit_date - 1 + time '09:00') AT TIME ZONE timezone, '{}'),
        ('host_arrival', host_email, host_name, checked_in_at,
            jsonb_build_object('arrived_at', checked_in_at, 'gate', checked_in_gate))
    ) AS mailed (kind, recipient, recipient_name, at, arrival)
WHERE site_id = ANY($1) AND visit_date BETWEEN $2 AND $3 AND at >= visitors.created_at
    AND (kind <> 'visitor_reminder' OR status <> 'cancelled') AND kind = ANY($4)
"""
EVENTS = """
INSERT INTO audit_entries (id, subject_id, site_id, action, actor_role, actor_name, request_id,
    details, created_at)
SELECT ID_OF_AT, id, site_id, action, role, actor, 'demo', '{}', at
FROM visitors, LATERAL (VALUES
        ('registered', created_at, 'admin', 'Front Desk'),
        ('checked_in', checked_in_at, 'scanner', checked_in_gate),
        ('checked_out', checked_out_at, 'scanner', checked_in_gate),
        ('cancelled', CASE status WHEN 'cancelled' THEN updated_at END, 'admin', 'Front Desk'),
        ('expired', CASE status WHEN 'expired' THEN updated_at END, 'system', 'worker')
    ) AS happened (action, at, role, actor)
WHERE site_id = ANY($1) AND visit_date BETWEEN $2 AND $3 AND at IS NOT NULL
    AND action = ANY($4)
"""
# Demo sites need no real caller.
SCANS = """
INSERT INTO scans (id, visitor_id, caller_id, scan_id, body_hash, token_hash, direction, gate,
    site_id, verdict, message, details, created_at)
SELECT ID_OF_AT, visitors.id, coalesce(devices.id, visitors.site_id), gen_random_uuid(),
    hash, hash, direction, checked_in_gate, visitors.site_id, verdict, message, '{}', at
FROM visitors
LEFT JOIN devices ON devices.site_id = visitors.site_id AND devices.gate = checked_in_gate,
    LATERAL (SELECT sha256(qr_code::bytea) AS hash OFFSET 0) AS hashed,
    LATERAL (VALUES
        ('in', 'admitted', 'Welcome', checked_in_at),
        ('out', 'checked_out', 'Goodbye', checked_out_at)
    ) AS passed (direction, verdict, message, at)
WHERE visitors.site_id = ANY($1) AND visit_date BETWEEN $2 AND $3 AND at IS NOT NULL
    AND direction = ANY($4)
"""
STAYS = """
INSERT INTO stays (id, visitor_id, site_id, in_at, in_gate, in_method, out_at, out_method,
    created_at)
SELECT id, id, site_id, checked_in_at, checked_in_gate, method, checked_out_at,
    CASE WHEN checked_out_at IS NOT NULL THEN method END, checked_in_at
FROM visitors, unnest($4::text[]) AS method
WHERE site_id = ANY($1) AND visit_date BETWEEN $2 AND $3 AND checked_in_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Trace:
    """A statement and its subjects."""

    sql: str
    words: tuple[str, ...]


MAIL_WORDS = ("visitor_confirmation", "host_registration", "visitor_reminder", "host_arrival")
EVENT_WORDS = ("registered", "checked_in", "checked_out", "cancelled", "expired")
TRACES = {
    "notifications": Trace(MAILS.replace("ID_OF_AT", ID_OF_AT), MAIL_WORDS),
    "audit_entries": Trace(EVENTS.replace("ID_OF_AT", ID_OF_AT), EVENT_WORDS),
    "stays": Trace(STAYS, ("gate",)),
    "scans": Trace(SCANS.replace("ID_OF_AT", ID_OF_AT), ("in", "out")),
}
COUNT_SEATS = """
UPDATE slots SET booked = coalesce(seats.taken, 0), self_share = sites.self_registration_share
FROM slots AS same JOIN sites ON sites.id = same.site_id LEFT JOIN (
    SELECT slot_id, count(*) AS taken FROM visitors WHERE status IN ('pending', 'verified')
    GROUP BY slot_id) AS seats ON seats.slot_id = same.id
WHERE slots.id = same.id AND slots.site_id = ANY($1)
"""
