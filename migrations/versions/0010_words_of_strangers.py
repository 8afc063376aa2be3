"""Mark visits registered by strangers, whose words are used in no subject.

Additive: rows of the previous release are recognised by `host_as_sent`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Only visits that can still be mailed about.
MARK = """
UPDATE visitors SET registered_by_stranger = true
FROM visitor_events AS event
WHERE visitors.status IN ('pending', 'verified') AND event.visitor_id = visitors.id
    AND event.action = 'registered' AND event.actor_role IN ('anonymous', 'kiosk')
"""


def upgrade() -> None:
    op.add_column(
        "visitors",
        sa.Column(
            "registered_by_stranger", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.execute(MARK)


def downgrade() -> None:
    op.drop_column("visitors", "registered_by_stranger")
