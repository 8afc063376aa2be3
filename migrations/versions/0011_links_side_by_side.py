"""Keep several links of an account valid; give new sites the default share of strangers.

Additive: the previous release knows only the latest link, and deletes the others with it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The default site of an unused database counts as new.
SHARE_OF_FRESH_SITE = """
UPDATE sites SET self_registration_share = 50
WHERE NOT EXISTS (SELECT FROM users) AND NOT EXISTS (SELECT FROM visitors)
"""


def upgrade() -> None:
    op.create_table(
        "former_account_links",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["account_links.id"],
            name=op.f("fk_former_account_links_link_id_account_links"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_account_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_former_account_links_token_hash")),
    )
    op.create_index(op.f("ix_former_account_links_link_id"), "former_account_links", ["link_id"])
    op.execute(SHARE_OF_FRESH_SITE)


def downgrade() -> None:
    """Drop the former links; the latest stay valid."""
    op.drop_table("former_account_links")
