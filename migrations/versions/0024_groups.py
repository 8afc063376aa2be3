"""Groups of visitors.

Additive: the previous release ignores them. The way back refuses while there are groups.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# With its key at once: a column that is empty needs no scan of the table.
ADD_COLUMN = (
    "ALTER TABLE visitors ADD COLUMN group_id uuid"
    " CONSTRAINT fk_visitors_group_id_groups REFERENCES groups (id)"
)
INDEX = "ix_visitors_group"
CREATE_INDEX = (
    f"CREATE INDEX CONCURRENTLY {INDEX} ON visitors (group_id, id) WHERE group_id IS NOT NULL"
)


def upgrade() -> None:
    """Add the table and the column, then create the index without blocking anybody.

    A run that was ended between the two continues with the index.
    """
    if not sa.inspect(op.get_bind()).has_table("groups"):
        _create_groups()
        op.execute(ADD_COLUMN)
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(CREATE_INDEX)


def _create_groups() -> None:
    op.create_table(
        "groups",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["users.id"],
            name=op.f("fk_groups_created_by_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_groups_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_index(op.f("ix_groups_created_at_id"), "groups", ["created_at", "id"])
    op.create_index(
        op.f("ix_groups_site_id_created_at_id"), "groups", ["site_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_groups_created_by"), "groups", ["created_by"])


def downgrade() -> None:
    if count := op.get_bind().scalar(sa.text("SELECT count(*) FROM groups")):
        raise RuntimeError(f"{count} rows of groups that the previous release cannot keep")
    op.drop_index(INDEX, table_name="visitors")
    op.drop_column("visitors", "group_id")
    op.drop_table("groups")
