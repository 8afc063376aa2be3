"""Limit the seats of strangers in a slot, and mark their visits.

Registrations wait while the index is built; `vms migrate --finish` counts the visits that the
previous release adds.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# With accounts, the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0009', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
# Existing sites stay as they are; new ones keep half of a slot for invited visitors.
SHARE_OF_NEW_SITES = "ALTER TABLE sites ALTER self_registration_share SET DEFAULT 50"
WITHIN_SHARE = (
    "self_booked >= 0 AND self_booked <= (capacity * self_share + 99) / 100 + self_excess"
)
OPEN = "self_registration_key IS NOT NULL AND status IN ('pending', 'verified')"


def upgrade() -> None:
    op.execute(BEGIN_ROLLOUT)
    op.add_column("sites", _number("self_registration_share", sa.SmallInteger(), "100"))
    op.execute(SHARE_OF_NEW_SITES)
    op.create_check_constraint(
        op.f("ck_sites_self_registration_share"),
        "sites",
        "self_registration_share BETWEEN 1 AND 100",
    )
    op.add_column("slots", _number("self_share", sa.SmallInteger(), "100"))
    op.add_column("slots", _number("self_booked", sa.BigInteger(), "0"))
    op.add_column("slots", _number("self_excess", sa.BigInteger(), "0"))
    op.create_check_constraint(op.f("ck_slots_strangers_within_share"), "slots", WITHIN_SHARE)
    op.create_check_constraint(
        op.f("ck_slots_self_share"), "slots", "self_share BETWEEN 1 AND 100 AND self_excess >= 0"
    )
    is_theirs = sa.text("false")
    op.add_column(
        "visitors",
        sa.Column("is_self_registered", sa.Boolean(), server_default=is_theirs, nullable=False),
    )
    op.add_column("visitors", sa.Column("self_registration_key", sa.String(), nullable=True))
    op.create_index(
        "uq_visitors_self_registration",
        "visitors",
        ["slot_id", "self_registration_key"],
        unique=True,
        postgresql_where=sa.text(OPEN),
    )


def downgrade() -> None:
    op.drop_index("uq_visitors_self_registration", table_name="visitors")
    op.drop_column("visitors", "self_registration_key")
    op.drop_column("visitors", "is_self_registered")
    op.drop_constraint("ck_slots_strangers_within_share", "slots")
    op.drop_constraint("ck_slots_self_share", "slots")
    for name in ("self_excess", "self_booked", "self_share"):
        op.drop_column("slots", name)
    op.drop_constraint("ck_sites_self_registration_share", "sites")
    op.drop_column("sites", "self_registration_share")
    op.execute("DELETE FROM rollouts WHERE revision = '0009'")


def _number(name: str, kind: sa.types.TypeEngine[int], default: str) -> sa.Column[int]:
    return sa.Column(name, kind, server_default=sa.text(default), nullable=False)
