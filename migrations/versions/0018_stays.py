"""Stays of visitors, whether they are away, re-entry at a site, and how a scan was made.

Additive: the previous release stores no stays, so that `vms migrate --finish` derives those that
it saw. It cannot tell who is away: no site permits re-entry before.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0018', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
# Table, column, constraint, words. The first word is the default.
WORDS = (
    ("sites", "re_entry", "ck_sites_reentry", ("none", "same_day")),
    ("scans", "method", "ck_scans_scanmethod", ("gate", "desk", "bulk")),
)
IN = ("gate", "desk")
OUT = ("gate", "desk", "bulk", "automatic", "muster")
SEVERAL = "(SELECT FROM stays GROUP BY visitor_id HAVING count(*) > 1) AS several"


def upgrade() -> None:
    op.add_column(
        "visitors", sa.Column("is_away", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    # `vms migrate --finish` validates existing rows without a blocking lock.
    later = "NOT VALID" if op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE users)")) else ""
    for table, column, constraint, words in WORDS:
        kind = sa.String(length=40)
        op.add_column(table, sa.Column(column, kind, server_default=words[0], nullable=False))
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {constraint}"
            f" CHECK ({column} IN ({_listed(words)})) {later}"
        )
    _create_stays()
    op.execute(BEGIN_ROLLOUT)


def _create_stays() -> None:
    op.create_table(
        "stays",
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_gate", sa.String(length=200), nullable=True),
        sa.Column("in_method", sa.String(length=40), nullable=False),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("out_method", sa.String(length=40), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("out_at >= in_at", name=op.f("ck_stays_order")),
        sa.CheckConstraint("(out_at IS NULL) = (out_method IS NULL)", name=op.f("ck_stays_ended")),
        sa.CheckConstraint(f"in_method IN ({_listed(IN)})", name=op.f("ck_stays_inmethod")),
        sa.CheckConstraint(f"out_method IN ({_listed(OUT)})", name=op.f("ck_stays_outmethod")),
        sa.ForeignKeyConstraint(
            ["visitor_id"],
            ["visitors.id"],
            name=op.f("fk_stays_visitor_id_visitors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stays")),
    )
    op.create_index(
        "uq_stays_open",
        "stays",
        ["visitor_id"],
        unique=True,
        postgresql_where=sa.text("out_at IS NULL"),
    )
    op.create_index("ix_stays_visitor_id_in_at", "stays", ["visitor_id", "in_at", "id"])
    op.create_index("ix_stays_site_id_out_at", "stays", ["site_id", "out_at"])


def downgrade() -> None:
    _refuse("sites WHERE re_entry <> 'none'", "sites permit re-entry")
    _refuse("visitors WHERE is_away", "visitors are away")
    _refuse(SEVERAL, "visitors came in more than once")
    op.execute("DELETE FROM rollouts WHERE revision = '0018'")
    op.drop_table("stays")
    for table, column, _, _ in WORDS:
        op.drop_column(table, column)
    op.drop_column("visitors", "is_away")


def _refuse(rows: str, what: str) -> None:
    if count := op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {rows}")):
        raise RuntimeError(f"{count} {what}, which the previous release cannot keep")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
