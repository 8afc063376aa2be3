"""Create the first schema, with a default site."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from uuid_utils.compat import uuid7

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


# to_tsvector would keep "ada@example.com" whole and read "+49 30" as signed numbers.
SEARCH_WORDS = r"""
CREATE FUNCTION search_words(name text, email text, company text, phone text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(DISTINCT word), '{}')
    FROM unnest(
        string_to_array(
            regexp_replace(
                lower(
                    coalesce(name, '') || ' ' || coalesce(email, '') || ' '
                    || coalesce(company, '') || ' ' || coalesce(phone, '')
                ),
                '[^[:alnum:]]+', ' ', 'g'
            ),
            ' '
        ) || regexp_replace(coalesce(phone, ''), '[^0-9]+', '', 'g')
    ) AS word
    WHERE word <> ''
)
"""

DEFAULT_SITE = """
INSERT INTO sites (
    id, name, address, timezone, opens_at, closes_at, open_weekdays, slot_capacity,
    booking_lead_minutes, booking_horizon_days, early_arrival_minutes, self_registration,
    language, is_default, created_at, updated_at
) VALUES (
    :id, 'Main site', '', 'UTC', '09:00', '17:00', '{1,2,3,4,5}', 20,
    30, 90, 120, false,
    'en', true, now(), now()
)
"""


def upgrade() -> None:
    op.execute(SEARCH_WORDS)
    op.create_table(
        "idempotent_answers",
        sa.Column("scope", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("location", sa.String(length=300), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_idempotent_answers")),
    )
    op.create_index(
        op.f("ix_idempotent_answers_created_at"), "idempotent_answers", ["created_at"], unique=False
    )
    op.create_table(
        "job_runs",
        sa.Column("job", sa.String(length=100), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_job_runs")),
    )
    op.create_table(
        "departments",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departments")),
    )
    op.create_index(
        "uq_departments_lower_name",
        "departments",
        [sa.literal_column("lower(name)")],
        unique=True,
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=2000), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=False),
        sa.Column("closes_at", sa.Time(), nullable=False),
        sa.Column("open_weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("slot_capacity", sa.BigInteger(), nullable=False),
        sa.Column("booking_lead_minutes", sa.BigInteger(), nullable=False),
        sa.Column("booking_horizon_days", sa.BigInteger(), nullable=False),
        sa.Column("early_arrival_minutes", sa.BigInteger(), nullable=False),
        sa.Column("self_registration", sa.Boolean(), nullable=False),
        sa.Column(
            "language",
            sa.Enum(
                "en", "de", name="language", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slot_capacity >= 0", name=op.f("ck_sites_slot_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
    )
    op.create_index("uq_sites_lower_name", "sites", [sa.literal_column("lower(name)")], unique=True)
    op.create_index(
        "uq_sites_is_default",
        "sites",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "users",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("first_name", sa.String(length=200), nullable=False),
        sa.Column("last_name", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "superadmin",
                "admin",
                "host",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("awaits_verification", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
    )
    op.create_table(
        "visitor_events",
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "registered",
                "updated",
                "rescheduled",
                "cancelled",
                "expired",
                "checked_in",
                "checked_out",
                "completed",
                "email_resent",
                "deleted",
                "anonymised",
                "personal_data_exported",
                name="visitoraction",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("actor_role", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(length=401), nullable=False),
        sa.Column("client_address", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visitor_events")),
    )
    op.create_index(
        "ix_visitor_events_visitor_id_id", "visitor_events", ["visitor_id", "id"], unique=False
    )
    op.create_table(
        "auth_sessions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_auth_sessions_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_sessions")),
    )
    op.create_index(op.f("ix_auth_sessions_user_id"), "auth_sessions", ["user_id"], unique=False)
    op.create_table(
        "devices",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "scanner",
                "kiosk",
                name="devicekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("gate", sa.String(length=200), nullable=True),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_key_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("previous_key_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_devices_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_devices_key_hash")),
        sa.UniqueConstraint("previous_key_hash", name=op.f("uq_devices_previous_key_hash")),
    )
    op.create_index(op.f("ix_devices_site_id"), "devices", ["site_id"], unique=False)
    op.create_table(
        "account_links",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "password_reset",
                "email_verification",
                name="linkpurpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_account_links_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_links_token_hash")),
        sa.UniqueConstraint("user_id", "purpose", name=op.f("uq_account_links_user_id_purpose")),
    )
    op.create_table(
        "site_closures",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["sites.id"],
            name=op.f("fk_site_closures_site_id_sites"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_closures")),
        sa.UniqueConstraint("site_id", "date", name=op.f("uq_site_closures_site_id_date")),
    )
    op.create_table(
        "slots",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("visit_date", sa.Date(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("has_own_capacity", sa.Boolean(), nullable=False),
        sa.Column("booked", sa.BigInteger(), nullable=False),
        sa.Column("excess", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "booked >= 0 AND booked <= capacity + excess", name=op.f("ck_slots_never_overbooked")
        ),
        sa.CheckConstraint("capacity >= 0 AND excess >= 0", name=op.f("ck_slots_not_negative")),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("ck_slots_hour")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_slots_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sa.UniqueConstraint(
            "site_id", "visit_date", "hour", name=op.f("uq_slots_site_id_visit_date_hour")
        ),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["auth_sessions.id"],
            name=op.f("fk_refresh_tokens_session_id_auth_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
    )
    op.create_index(
        op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"], unique=False
    )
    op.create_table(
        "visitors",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("host_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column(
            "visitor_type",
            sa.Enum(
                "professional",
                "student",
                name="visitortype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "visitor_category",
            sa.Enum(
                "industry",
                "academic",
                "government",
                "other",
                name="visitorcategory",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "purpose",
            sa.Enum(
                "business_meeting",
                "interview",
                "delivery",
                "maintenance",
                "training",
                "i_factory_visit",
                "i_factory_training",
                "other",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("visit_date", sa.Date(), nullable=False),
        sa.Column("visit_time", sa.Time(), nullable=False),
        sa.Column("host_name", sa.String(length=401), nullable=True),
        sa.Column("host_email", sa.String(length=254), nullable=True),
        sa.Column("notes", sa.String(length=2000), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "verified",
                "completed",
                "cancelled",
                "expired",
                name="visitorstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("qr_code", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_rescheduled", sa.Boolean(), nullable=False),
        sa.Column("original_visit_date", sa.Date(), nullable=True),
        sa.Column("original_visit_time", sa.Time(), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_gate", sa.String(length=200), nullable=True),
        sa.Column("checked_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_out_automatically", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "array_to_tsvector(search_words(name, email, company, phone))", persisted=True
            ),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["departments.id"],
            name=op.f("fk_visitors_department_id_departments"),
        ),
        sa.ForeignKeyConstraint(
            ["host_id"], ["users.id"], name=op.f("fk_visitors_host_id_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_visitors_site_id_sites")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_visitors_slot_id_slots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visitors")),
        sa.UniqueConstraint("qr_code", name=op.f("uq_visitors_qr_code")),
    )
    op.create_index("ix_visitors_created_at_id", "visitors", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_visitors_department_id"), "visitors", ["department_id"], unique=False)
    op.create_index(
        "ix_visitors_held",
        "visitors",
        ["visit_date", "id"],
        unique=False,
        postgresql_where=sa.text(
            "(visitors.anonymised_at IS NULL OR visitors.updated_at > visitors.anonymised_at)"
            " AND visitors.status IN ('completed', 'cancelled', 'expired')"
        ),
    )
    op.create_index(
        "ix_visitors_host_created", "visitors", ["host_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_visitors_host_email",
        "visitors",
        [sa.literal_column("lower(host_email)"), "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_visitors_inside",
        "visitors",
        ["site_id"],
        unique=False,
        postgresql_where=sa.text("status = 'verified'"),
    )
    op.create_index(
        "ix_visitors_open",
        "visitors",
        ["visit_date", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'verified')"),
    )
    op.create_index(
        "ix_visitors_search", "visitors", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_visitors_site_visit",
        "visitors",
        ["site_id", "visit_date", "visit_time", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_visitors_slot_id"), "visitors", ["slot_id"], unique=False)
    op.create_index(
        "ix_visitors_visit",
        "visitors",
        ["visit_date", "visit_time", "id"],
        unique=False,
        postgresql_include=["site_id", "status", "purpose", "department_id"],
    )
    op.create_table(
        "notifications",
        sa.Column("visitor_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "visitor_confirmation",
                "host_registration",
                "host_arrival",
                "visitor_rescheduled",
                "host_rescheduled",
                "visitor_cancelled",
                "host_cancelled",
                "host_bulk_summary",
                "visitor_reminder",
                "password_reset",
                "email_verification",
                name="notificationkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("recipient_name", sa.String(length=401), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "failed",
                "superseded",
                name="notificationstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("tries_began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pointless_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"],
            ["visitors.id"],
            name=op.f("fk_notifications_visitor_id_visitors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "visitor_id", "kind", "version", name=op.f("uq_notifications_visitor_id_kind_version")
        ),
    )
    op.create_index(
        "ix_notifications_claimed",
        "notifications",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_notifications_created_at_id", "notifications", ["created_at", "id"], unique=False
    )
    op.create_index(
        "ix_notifications_status_created_at_id",
        "notifications",
        ["status", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "retired_qr_codes",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"],
            ["visitors.id"],
            name=op.f("fk_retired_qr_codes_visitor_id_visitors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_retired_qr_codes")),
    )
    op.create_index(
        op.f("ix_retired_qr_codes_visitor_id"), "retired_qr_codes", ["visitor_id"], unique=False
    )
    op.create_table(
        "scans",
        sa.Column("visitor_id", sa.Uuid(), nullable=True),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=True),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "direction",
            sa.Enum(
                "in",
                "out",
                name="scandirection",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("gate", sa.String(length=200), nullable=True),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "verdict",
            sa.Enum(
                "admitted",
                "checked_out",
                "refused",
                "conflict",
                name="scanverdict",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("message", sa.String(length=300), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"],
            ["visitors.id"],
            name=op.f("fk_scans_visitor_id_visitors"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scans")),
    )
    op.create_index("ix_scans_created_at_id", "scans", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_scans_caller_created", "scans", ["caller_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_scans_site_created", "scans", ["site_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_scans_conflicts",
        "scans",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("verdict = 'conflict'"),
    )
    op.create_index("ix_scans_visitor_id", "scans", ["visitor_id", "id"], unique=False)
    op.create_index(
        "uq_scans_caller_scan",
        "scans",
        ["caller_id", "scan_id"],
        unique=True,
        postgresql_where=sa.text("scan_id IS NOT NULL"),
    )
    op.execute(sa.text(DEFAULT_SITE).bindparams(sa.bindparam("id", uuid7(), sa.Uuid())))


def downgrade() -> None:
    op.drop_index(
        "uq_scans_caller_scan", table_name="scans", postgresql_where=sa.text("scan_id IS NOT NULL")
    )
    op.drop_index("ix_scans_visitor_id", table_name="scans")
    op.drop_index(
        "ix_scans_conflicts",
        table_name="scans",
        postgresql_where=sa.text("verdict = 'conflict'"),
    )
    op.drop_index("ix_scans_site_created", table_name="scans")
    op.drop_index("ix_scans_caller_created", table_name="scans")
    op.drop_index("ix_scans_created_at_id", table_name="scans")
    op.drop_table("scans")
    op.drop_index(op.f("ix_retired_qr_codes_visitor_id"), table_name="retired_qr_codes")
    op.drop_table("retired_qr_codes")
    op.drop_index("ix_notifications_status_created_at_id", table_name="notifications")
    op.drop_index("ix_notifications_created_at_id", table_name="notifications")
    op.drop_index(
        "ix_notifications_due",
        table_name="notifications",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index(
        "ix_notifications_claimed",
        table_name="notifications",
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.drop_table("notifications")
    op.drop_index("ix_visitors_visit", table_name="visitors")
    op.drop_index(op.f("ix_visitors_slot_id"), table_name="visitors")
    op.drop_index("ix_visitors_site_visit", table_name="visitors")
    op.drop_index("ix_visitors_search", table_name="visitors", postgresql_using="gin")
    op.drop_index(
        "ix_visitors_inside",
        table_name="visitors",
        postgresql_where=sa.text("status = 'verified'"),
    )
    op.drop_index(
        "ix_visitors_open",
        table_name="visitors",
        postgresql_where=sa.text("status IN ('pending', 'verified')"),
    )
    op.drop_index("ix_visitors_host_email", table_name="visitors")
    op.drop_index(
        "ix_visitors_held",
        table_name="visitors",
        postgresql_where=sa.text(
            "(visitors.anonymised_at IS NULL OR visitors.updated_at > visitors.anonymised_at)"
            " AND visitors.status IN ('completed', 'cancelled', 'expired')"
        ),
    )
    op.drop_index("ix_visitors_host_created", table_name="visitors")
    op.drop_index(op.f("ix_visitors_department_id"), table_name="visitors")
    op.drop_index("ix_visitors_created_at_id", table_name="visitors")
    op.drop_table("visitors")
    op.drop_index(op.f("ix_refresh_tokens_session_id"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_table("slots")
    op.drop_table("site_closures")
    op.drop_index(op.f("ix_devices_site_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_table("account_links")
    op.drop_index(op.f("ix_auth_sessions_user_id"), table_name="auth_sessions")
    op.drop_table("auth_sessions")
    op.drop_index("ix_visitor_events_visitor_id_id", table_name="visitor_events")
    op.drop_table("visitor_events")
    op.drop_table("users")
    op.drop_index("uq_sites_is_default", table_name="sites", postgresql_where=sa.text("is_default"))
    op.drop_index("uq_sites_lower_name", table_name="sites")
    op.drop_table("sites")
    op.drop_index("uq_departments_lower_name", table_name="departments")
    op.drop_table("departments")
    op.drop_table("job_runs")
    op.drop_index(op.f("ix_idempotent_answers_created_at"), table_name="idempotent_answers")
    op.drop_table("idempotent_answers")
    op.execute("DROP FUNCTION search_words(text, text, text, text)")
