"""Links for wardens without an account, and their mail.

Additive; the previous release cannot read the mail: none is stored before `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE, COLUMN = "notifications", "kind"
CONSTRAINT = "ck_notifications_notificationkind"
ADDED = "muster_started"
# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0027', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
COUNT = f"SELECT count(*) FROM {TABLE} WHERE {COLUMN} = '{ADDED}'"


def upgrade() -> None:
    op.create_table(
        "muster_links",
        sa.Column("muster_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("shows_phones", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["muster_id"], ["musters.id"], name=op.f("fk_muster_links_muster_id_musters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muster_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_muster_links_token_hash")),
    )
    op.create_index(op.f("ix_muster_links_muster_id"), "muster_links", ["muster_id"])
    op.execute(BEGIN_ROLLOUT)
    _allow([*_words(), ADDED])


def downgrade() -> None:
    if count := op.get_bind().scalar(sa.text(COUNT)):
        raise RuntimeError(
            f"{count} rows of {TABLE} are of a kind that the previous release cannot read"
        )
    _allow([word for word in _words() if word != ADDED])
    op.execute("DELETE FROM rollouts WHERE revision = '0027'")
    op.drop_table("muster_links")


def _words() -> list[str]:
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
