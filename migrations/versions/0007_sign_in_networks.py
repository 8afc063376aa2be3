"""Record the networks of sign-ins, so that guesses from elsewhere lock nobody out."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.core.ids import new_id

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SESSIONS = """
SELECT user_id, client_address, max(last_used_at) FROM auth_sessions
WHERE client_address IS NOT NULL GROUP BY user_id, client_address ORDER BY max(last_used_at)
"""


def upgrade() -> None:
    networks = op.create_table(
        "sign_in_networks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_sign_in_networks_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_networks")),
        sa.UniqueConstraint("user_id", "network", name=op.f("uq_sign_in_networks_user_id_network")),
    )
    op.create_index(
        op.f("ix_sign_in_networks_last_used_at"), "sign_in_networks", ["last_used_at"], unique=False
    )
    op.bulk_insert(networks, list(_known()))


def _known() -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    found = op.get_bind().execute(sa.text(SESSIONS)).all()
    latest = {(user_id, _network(address)): last for user_id, address, last in found}
    for (user_id, network), last in latest.items():
        row = {"user_id": user_id, "network": network, "last_used_at": last}
        yield {"id": new_id(), "created_at": now, **row}


def _network(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return address
    is_v6 = isinstance(known, IPv6Address)
    return str(ip_network((int(known), 64), strict=False)) if is_v6 else str(known)


def downgrade() -> None:
    op.drop_index(op.f("ix_sign_in_networks_last_used_at"), table_name="sign_in_networks")
    op.drop_table("sign_in_networks")
