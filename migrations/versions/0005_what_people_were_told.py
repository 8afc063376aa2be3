"""Record the facts in sent mails; add closed shifts and rollouts.

Defaults are constant, so no table is rewritten and the previous release keeps working.
"""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MAILS = (
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
)
NEW_MAILS = ("visitor_updated", "host_updated", "host_handed_over")
VISITOR_ACTIONS = (
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
)
NEW_VISITOR_ACTIONS = ("code_replaced",)
ACCOUNT_ACTIONS = (
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "session_ended",
    "other_sessions_ended",
    "token_reused",
    "registered",
    "email_verified",
    "password_changed",
    "password_change_failed",
    "password_reset_asked",
    "password_reset",
    "created",
    "updated",
    "deleted",
)
NEW_ACCOUNT_ACTIONS = ("visits_handed_over",)
# Table, column, constraint, previous and new values.
WORDS = (
    ("notifications", "kind", "notificationkind", MAILS, NEW_MAILS),
    ("visitor_events", "action", "visitoraction", VISITOR_ACTIONS, NEW_VISITOR_ACTIONS),
    ("account_events", "action", "accountaction", ACCOUNT_ACTIONS, NEW_ACCOUNT_ACTIONS),
)
# Strangers named these hosts, so their visitors see no more of them.
NOTE_STRANGERS = """
UPDATE visitors SET host_as_sent = coalesce(host_name, '')
FROM visitor_events
WHERE visitor_events.visitor_id = visitors.id AND visitor_events.action = 'registered'
    AND visitor_events.actor_role IN ('anonymous', 'kiosk')
    AND visitors.status IN ('pending', 'verified')
"""
# With accounts, the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0005', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""


def upgrade() -> None:
    op.add_column("sites", _count("late_arrival_minutes", 180))
    op.add_column("sites", _count("auto_check_out_hours", 14))
    op.add_column("sites", sa.Column("reception_email", sa.String(length=254), nullable=True))
    op.add_column("sites", sa.Column("contact_phone", sa.String(length=32), nullable=True))
    op.add_column("sites", sa.Column("contact_email", sa.String(length=254), nullable=True))
    closed_shifts: sa.Column[list[date]] = sa.Column(
        "closed_shifts", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False
    )
    op.add_column("slots", closed_shifts)
    op.add_column("visitors", sa.Column("host_as_sent", sa.String(length=401), nullable=True))
    op.add_column("visitors", _flag("host_closed"))
    op.add_column("retired_qr_codes", _flag("is_replaced"))
    op.add_column("notifications", _flag("erase_when_done"))
    op.create_table(
        "site_changes",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("done_through", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["sites.id"],
            name=op.f("fk_site_changes_site_id_sites"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_changes")),
    )
    op.create_index("ix_site_changes_site_id", "site_changes", ["site_id"])
    op.create_table(
        "rollouts",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_rollouts")),
    )
    op.execute(NOTE_STRANGERS)
    op.execute(BEGIN_ROLLOUT)
    for table, column, name, before, added in WORDS:
        _allow(table, column, name, (*before, *added))


def downgrade() -> None:
    for table, column, name, before, added in WORDS:
        _refuse_rows(table, column, added)
        _allow(table, column, name, before)
    op.drop_table("rollouts")
    op.drop_table("site_changes")
    op.drop_column("notifications", "erase_when_done")
    op.drop_column("retired_qr_codes", "is_replaced")
    op.drop_column("visitors", "host_closed")
    op.drop_column("visitors", "host_as_sent")
    op.drop_column("slots", "closed_shifts")
    for column in (
        "contact_email",
        "contact_phone",
        "reception_email",
        "auto_check_out_hours",
        "late_arrival_minutes",
    ):
        op.drop_column("sites", column)


def _count(name: str, default: int) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=str(default), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _allow(table: str, column: str, name: str, words: Sequence[str]) -> None:
    """Replace the CHECK; `vms migrate --finish` validates existing rows without blocking."""
    constraint = f"ck_{table}_{name}"
    later = "NOT VALID" if op.get_bind().scalar(sa.text(f"SELECT EXISTS (TABLE {table})")) else ""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN ({_listed(words)})) "
        f"{later}"
    )


def _refuse_rows(table: str, column: str, words: Sequence[str]) -> None:
    question = sa.text(f"SELECT count(*) FROM {table} WHERE {column} IN ({_listed(words)})")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(
            f"{count} rows of {table} are of a kind that the previous release cannot read"
        )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
