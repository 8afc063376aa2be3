"""Add the function that keeps PostgreSQL from keeping a plan.

Additive: the previous release ignores it.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Not in SQL, since PostgreSQL would inline it and forget its cost.
DEAR = """
CREATE FUNCTION dear_unless_planned_anew() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000000000
AS 'BEGIN RETURN true; END'
"""


def upgrade() -> None:
    op.execute(DEAR)


def downgrade() -> None:
    op.execute("DROP FUNCTION dear_unless_planned_anew()")
