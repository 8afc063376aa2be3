"""Add the planned length of visits, and co-hosts.

Until `vms migrate --finish` every visit lasts an hour and has no co-hosts, since the previous
release would say so in its mails.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# With accounts, the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0022', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
FORMER, KEY = (
    "uq_notifications_visitor_id_kind_version",
    "uq_notifications_visitor_id_kind_version_co_host",
)
LENGTHS = {"sites": "visit_minutes", "visitors": "duration_minutes"}
OPEN = "status IN ('pending', 'verified')"
LOST = (
    ("notifications", "go to co-hosts", "co_host <> ''"),
    ("visitors", "have co-hosts", f"co_hosts <> '[]' AND {OPEN}"),
    ("visitors", "last longer or shorter than an hour", f"duration_minutes <> 60 AND {OPEN}"),
)


def upgrade() -> None:
    """Add the columns at once, then the index without blocking anybody.

    A run that was ended between the two continues with the index.
    """
    columns = sa.inspect(op.get_bind()).get_columns("notifications")
    if all(column["name"] != "co_host" for column in columns):
        _columns()
    with op.get_context().autocommit_block():
        _unique()


def _columns() -> None:
    op.execute(BEGIN_ROLLOUT)
    for table, name in LENGTHS.items():
        length = sa.Column(name, sa.BigInteger(), server_default=sa.text("60"), nullable=False)
        op.add_column(table, length)
        # `vms migrate --finish` validates it without blocking; an empty table is validated at once.
        has_rows = op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE visitors)"))
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} "
            f"CHECK ({name} BETWEEN 15 AND 1440) {'NOT VALID' if has_rows else ''}"
        )
    nobody = sa.text("'[]'::jsonb")
    op.add_column(
        "visitors", sa.Column("co_hosts", postgresql.JSONB(), server_default=nobody, nullable=False)
    )
    op.add_column(
        "notifications",
        sa.Column("co_host", sa.String(length=254), server_default="", nullable=False),
    )


def _unique() -> None:
    """Let the key of a mail include its co-host.

    Rows of the previous release have none, so that the new key is its key, too.
    """
    # Behind a pooler the limits would stay on a connection of others.
    is_pooled = "prepared_statement_cache_size" in op.get_bind().engine.url.query
    limits = () if is_pooled else ("lock_timeout", "statement_timeout")
    for limit in limits:
        op.execute(f"SET {limit} = '30min'")  # waits for running exports, and nobody for it
    op.execute(f"ALTER TABLE notifications DROP CONSTRAINT IF EXISTS {KEY}")
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {KEY}")
    op.execute(
        f"CREATE UNIQUE INDEX CONCURRENTLY {KEY} "
        "ON notifications (visitor_id, kind, version, co_host)"
    )
    if limits:
        op.execute("SET lock_timeout = '3s'")  # everybody waits behind this one
    op.execute(
        f"ALTER TABLE notifications DROP CONSTRAINT IF EXISTS {FORMER}, "
        f"ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}"
    )
    for limit in limits:
        op.execute(f"RESET {limit}")


def downgrade() -> None:
    for table, what, condition in LOST:
        question = sa.text(f"SELECT count(*) FROM {table} WHERE {condition}")
        if count := op.get_bind().scalar(question):
            raise RuntimeError(
                f"{count} rows of {table} {what}: the previous release cannot keep that"
            )
    op.drop_constraint(KEY, "notifications")
    op.create_unique_constraint(FORMER, "notifications", ["visitor_id", "kind", "version"])
    op.drop_column("notifications", "co_host")
    op.drop_column("visitors", "co_hosts")
    for table, name in LENGTHS.items():
        op.drop_column(table, name)
    op.execute("DELETE FROM rollouts WHERE revision = '0022'")
