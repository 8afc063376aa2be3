"""Webhooks, their deliveries, and the mail about one that was disabled.

Additive; the previous release cannot read the mail: none is stored before `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE, COLUMN = "notifications", "kind"
CONSTRAINT = "ck_notifications_notificationkind"
ADDED = "webhook_disabled"
# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0033', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
# What the way back would lose, and what the previous release could not read.
KEPT = (
    ("webhooks", "SELECT count(*) FROM webhooks"),
    (TABLE, f"SELECT count(*) FROM {TABLE} WHERE {COLUMN} = '{ADDED}'"),
)


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _instant(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _create_webhooks()
    _create_deliveries()
    op.create_table(
        "webhook_cursor",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_cursor")),
    )
    op.execute(BEGIN_ROLLOUT)
    _allow([*_allowed(), ADDED])


def _create_webhooks() -> None:
    reasons = ("gone", "failing", "by_hand", "maker_closed")
    op.create_table(
        "webhooks",
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("payload", _words("payloadkind", "thin", "full"), nullable=False),
        sa.Column("status", _words("webhookstatus", "active", "disabled"), nullable=False),
        sa.Column("disabled_reason", _words("disabledreason", *reasons), nullable=True),
        sa.Column("maker_id", sa.Uuid(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        _instant("previous_secret_until"),
        sa.Column("starts_after", sa.BigInteger(), nullable=False),
        sa.Column("replay_after", sa.BigInteger(), nullable=True),
        sa.Column("replay_until", sa.BigInteger(), nullable=True),
        _instant("failing_since"),
        _instant("paused_until"),
        sa.Column("id", sa.Uuid(), nullable=False),
        _instant("created_at", nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_webhooks_site_id_sites")),
        sa.ForeignKeyConstraint(
            ["maker_id"],
            ["users.id"],
            name=op.f("fk_webhooks_maker_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_site_id"), "webhooks", ["site_id"])
    op.create_index(op.f("ix_webhooks_maker_id"), "webhooks", ["maker_id"])


def _create_deliveries() -> None:
    states = ("pending", "delivered", "failed")
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("status", _words("deliverystatus", *states), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        _instant("tries_began_at", nullable=False),
        _instant("next_attempt_at", nullable=False),
        _instant("last_attempt_at"),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        _instant("delivered_at"),
        sa.Column("id", sa.Uuid(), nullable=False),
        _instant("created_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "webhook_id", "event_id", name=op.f("uq_webhook_deliveries_webhook_id_event_id")
        ),
    )
    table = "webhook_deliveries"
    op.create_index(
        "ix_webhook_deliveries_due",
        table,
        ["webhook_id", "next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_webhook_deliveries_status", table, ["webhook_id", "status", "id"])
    op.create_index("ix_webhook_deliveries_tries_began_at", table, ["tries_began_at"])


def downgrade() -> None:
    for table, question in KEPT:
        if count := op.get_bind().scalar(sa.text(question)):
            raise RuntimeError(f"{count} rows of {table} cannot be kept by the previous release")
    _allow([word for word in _allowed() if word != ADDED])
    op.execute("DELETE FROM rollouts WHERE revision = '0033'")
    op.drop_table("webhook_cursor")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")


def _allowed() -> list[str]:
    """Return the words that the CHECK currently allows."""
    question = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    definition = op.get_bind().scalar(question.bindparams(name=CONSTRAINT))
    return re.findall(r"'(\w+)'", definition or "")


def _allow(words: Sequence[str]) -> None:
    """Replace the CHECK; `vms migrate --finish` validates existing rows without blocking."""
    later = "NOT VALID" if op.get_bind().scalar(sa.text(f"SELECT EXISTS (TABLE {TABLE})")) else ""
    listed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {CONSTRAINT}")
    op.execute(
        f"ALTER TABLE {TABLE} ADD CONSTRAINT {CONSTRAINT} CHECK ({COLUMN} IN ({listed})) {later}"
    )
