"""Stays that an undo opened again, and the word of the mail that withdraws an arrival.

The previous release cannot read it, so nothing is undone until `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WORD = "host_arrival_withdrawn"
CONSTRAINT = "ck_notifications_notificationkind"
# With accounts, the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0020', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""


def upgrade() -> None:
    reopened_at = sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("stays", reopened_at)
    _allow([*_words(), WORD])
    op.execute(BEGIN_ROLLOUT)


def downgrade() -> None:
    _refuse_rows("notifications", f"kind = '{WORD}'")
    _refuse_rows("audit_entries", "subject_type = 'visitor' AND action = 'undone'")
    op.execute("DELETE FROM rollouts WHERE revision = '0020'")
    op.drop_column("stays", "reopened_at")
    _allow([word for word in _words() if word != WORD])


def _words() -> list[str]:
    """Return the words that the CHECK lists, to which other migrations may have added some."""
    question = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conname = '{CONSTRAINT}' AND conrelid = 'notifications'::regclass"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().scalar(question) or "")


def _allow(words: Sequence[str]) -> None:
    """Replace the CHECK.

    Existing rows are validated by `vms migrate --finish` without a blocking lock; in an empty
    database this happens at once.
    """
    is_used = op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE notifications)"))
    later = "NOT VALID" if is_used else ""
    listed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE notifications DROP CONSTRAINT {CONSTRAINT}")
    op.execute(
        f"ALTER TABLE notifications ADD CONSTRAINT {CONSTRAINT} CHECK (kind IN ({listed})) {later}"
    )


def _refuse_rows(table: str, condition: str) -> None:
    question = sa.text(f"SELECT count(*) FROM {table} WHERE {condition}")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(f"{count} rows of {table} that the previous release cannot read")
