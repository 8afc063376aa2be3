"""Visitors without an e-mail address, and languages of visitors.

The previous release cannot read a visitor without an address: none is stored before `vms migrate
--finish`. It ignores the language.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0021', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
LANGUAGES = "CONSTRAINT ck_visitors_language CHECK (language IN ('en', 'de'))"
COUNT = "SELECT count(*) FROM visitors WHERE email IS NULL"


def upgrade() -> None:
    op.alter_column("visitors", "email", existing_type=sa.String(length=254), nullable=True)
    op.add_column("visitors", sa.Column("language", sa.String(length=40), nullable=True))
    # `vms migrate --finish` validates existing rows without a blocking lock.
    later = "NOT VALID" if op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE visitors)")) else ""
    op.execute(f"ALTER TABLE visitors ADD {LANGUAGES} {later}")
    op.execute(BEGIN_ROLLOUT)


def downgrade() -> None:
    if count := op.get_bind().scalar(sa.text(COUNT)):
        raise RuntimeError(
            f"{count} rows of visitors have no address: the previous release cannot read them"
        )
    op.execute("DELETE FROM rollouts WHERE revision = '0021'")
    op.drop_column("visitors", "language")
    op.alter_column("visitors", "email", existing_type=sa.String(length=254), nullable=False)
