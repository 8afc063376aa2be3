"""Events: numbered, waiting, and what the audit log knows of their moment; versions of visits.

Additive. Entries from before make no event. The previous release names no host in its entries,
and its changes raise the version, too: a trigger does it.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0029', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
ADDED = ("makes_event", "is_host_known", "host_id", "subject_version", "is_final_exit")
# A condition that compares rows is not possible: the table has a generated column.
FUNCTION = """
CREATE FUNCTION raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER visitors_version BEFORE UPDATE ON visitors
FOR EACH ROW EXECUTE FUNCTION raise_version()
"""


def upgrade() -> None:
    _create_events()
    flag: dict[str, Any] = {"server_default": sa.false(), "nullable": False}
    # First false for the entries that are there, then true for all others.
    op.add_column("audit_entries", sa.Column("makes_event", sa.Boolean(), **flag))
    op.alter_column("audit_entries", "makes_event", server_default=sa.true())
    op.add_column("audit_entries", sa.Column("is_host_known", sa.Boolean(), **flag))
    op.add_column("audit_entries", sa.Column("host_id", sa.Uuid(), nullable=True))
    op.add_column("audit_entries", sa.Column("subject_version", sa.BigInteger(), nullable=True))
    op.add_column("audit_entries", sa.Column("is_final_exit", sa.Boolean(), **flag))
    version = sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False)
    op.add_column("visitors", version)
    # The sequencer of the previous release goes on chaining, without events.
    op.execute("INSERT INTO event_log SELECT 1, 0, 0, coalesce(max(seq), 0) FROM audit_entries")
    op.execute(FUNCTION)
    op.execute(TRIGGER)
    op.execute(BEGIN_ROLLOUT)


def _create_events() -> None:
    op.create_table(
        "event_outbox",
        *_facts(),
        sa.Column(
            "fields",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_outbox")),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *_facts(),
        sa.Column("sequenced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_index("ix_events_subject_id", "events", ["subject_id"])
    op.create_table(
        "event_log",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("cut_through", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("entries_through", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_log")),
    )


def _facts() -> list[sa.Column[Any]]:
    return [
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("host_id", sa.Uuid(), nullable=True),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("subject_version", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=128), nullable=True),
    ]


def downgrade() -> None:
    op.execute("DROP TRIGGER visitors_version ON visitors")
    op.execute("DROP FUNCTION raise_version()")
    op.drop_column("visitors", "version")
    for name in ADDED:
        op.drop_column("audit_entries", name)
    for name in ("event_log", "events", "event_outbox"):
        op.drop_table(name)
    op.execute("DELETE FROM rollouts WHERE revision = '0029'")
