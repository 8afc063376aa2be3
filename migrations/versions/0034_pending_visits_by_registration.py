"""An index for the oldest registrations of visits that lie ahead.

Additive: the previous release does not need it.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEX = "ix_visitors_pending_created"
CREATE_INDEX = (
    f"CREATE INDEX CONCURRENTLY {INDEX} ON visitors (created_at, id) WHERE status = 'pending'"
)


def upgrade() -> None:
    """Create the index without blocking anybody; a run that was ended begins anew."""
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(CREATE_INDEX)


def downgrade() -> None:
    op.drop_index(INDEX, table_name="visitors")
