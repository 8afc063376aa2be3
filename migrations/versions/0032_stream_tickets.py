"""Tickets that open the stream of events.

Additive; the previous release leaves the table alone. The way back forgets tickets, which are good
for half a minute.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0032', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""


def upgrade() -> None:
    op.create_table(
        "stream_tickets",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["auth_sessions.id"],
            name=op.f("fk_stream_tickets_session_id_auth_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_tickets")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_stream_tickets_ticket_hash")),
    )
    for column in ("session_id", "expires_at"):
        op.create_index(op.f(f"ix_stream_tickets_{column}"), "stream_tickets", [column])
    op.execute(BEGIN_ROLLOUT)


def downgrade() -> None:
    op.execute("DELETE FROM rollouts WHERE revision = '0032'")
    op.drop_table("stream_tickets")
