"""The secret before the previous one, of API keys and webhooks.

Additive; the previous release keeps only the previous secret. The way back ends older secrets.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.add_column("api_keys", sa.Column("older_key_hash", sa.LargeBinary(length=32), nullable=True))
    op.add_column("api_keys", sa.Column("older_key_until", instant, nullable=True))
    op.create_unique_constraint(op.f("uq_api_keys_older_key_hash"), "api_keys", ["older_key_hash"])
    op.add_column("webhooks", sa.Column("older_secret", sa.LargeBinary(), nullable=True))
    op.add_column("webhooks", sa.Column("older_secret_until", instant, nullable=True))


def downgrade() -> None:
    op.drop_column("webhooks", "older_secret_until")
    op.drop_column("webhooks", "older_secret")
    op.drop_column("api_keys", "older_key_until")
    op.drop_column("api_keys", "older_key_hash")
