"""Delegates of hosts, who booked a visit, and phones of accounts.

Additive: the previous release ignores them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("users", sa.Column("phone", sa.String(length=32), nullable=True))
    op.add_column("visitors", sa.Column("booked_by", sa.String(length=401), nullable=True))
    op.create_table(
        "delegates",
        sa.Column("host_id", sa.Uuid(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["delegate_id"],
            ["users.id"],
            name=op.f("fk_delegates_delegate_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["host_id"], ["users.id"], name=op.f("fk_delegates_host_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegates")),
        sa.UniqueConstraint(
            "host_id", "delegate_id", name=op.f("uq_delegates_host_id_delegate_id")
        ),
    )
    op.create_index(op.f("ix_delegates_delegate_id"), "delegates", ["delegate_id"])


def downgrade() -> None:
    op.drop_table("delegates")
    op.drop_column("visitors", "booked_by")
    op.drop_column("users", "phone")
