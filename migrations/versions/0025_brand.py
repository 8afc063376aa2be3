"""Names, colours and logos of companies at their sites.

Additive: the previous release ignores them. The way back refuses while there are any.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BRANDED = "brand_name IS NOT NULL OR brand_color IS NOT NULL OR has_logo"


def upgrade() -> None:
    op.add_column("sites", sa.Column("brand_name", sa.String(length=60), nullable=True))
    op.add_column("sites", sa.Column("brand_color", sa.String(length=7), nullable=True))
    no_logo: sa.Column[bool] = sa.Column(
        "has_logo", sa.Boolean(), server_default=sa.text("false"), nullable=False
    )
    op.add_column("sites", no_logo)
    op.create_check_constraint(
        op.f("ck_sites_brand_color"), "sites", "brand_color ~ '^#[0-9a-f]{6}$'"
    )
    op.create_table(
        "site_logos",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_site_logos_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_site_logos")),
    )


def downgrade() -> None:
    count = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM sites WHERE {BRANDED}"))
    if count:
        raise RuntimeError(f"{count} rows of sites with a brand that the previous release lacks")
    op.drop_table("site_logos")
    for name in ("has_logo", "brand_color", "brand_name"):
        op.drop_column("sites", name)
