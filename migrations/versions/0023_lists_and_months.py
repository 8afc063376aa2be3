"""Lists by name, company and change; a search of hosts; counts of visits by month.

Additive, and safe beside the previous release: its job moves changes to the counts of days, from
which triggers add up the months.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_visitors_updated": "visitors (updated_at)",
    "ix_visitors_name": 'visitors ("left"(search_fold(name), 200) COLLATE "C", id)',
    "ix_visitors_company": 'visitors ("left"(search_fold(company), 200) COLLATE "C", id)',
    "ix_users_search": "users USING gin "
    "(array_to_tsvector(search_words(first_name, email, last_name, NULL)))",
}
# Two jobs at once would lock months in different orders.
ADD_TO_MONTHS = """
CREATE FUNCTION add_to_months() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('visit_month_counts', 0));
    IF TG_OP <> 'INSERT' THEN
        UPDATE visit_month_counts AS kept SET visits = kept.visits - gone.visits FROM (
            SELECT site_id, dimension, date_trunc('month', visit_date::timestamp)::date AS month,
                value, sum(visits) AS visits
            FROM before GROUP BY 1, 2, 3, 4
        ) AS gone
        WHERE (kept.site_id, kept.dimension, kept.month, kept.value)
            = (gone.site_id, gone.dimension, gone.month, gone.value);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO visit_month_counts AS kept (site_id, dimension, month, value, visits)
        SELECT site_id, dimension, date_trunc('month', visit_date::timestamp), value, sum(visits)
        FROM after GROUP BY 1, 2, 3, 4
        ON CONFLICT (site_id, dimension, month, value)
        DO UPDATE SET visits = kept.visits + excluded.visits;
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGERS = {
    "INSERT": "NEW TABLE AS after",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "OLD TABLE AS before",
}
COUNT_MONTHS = """
INSERT INTO visit_month_counts (site_id, dimension, month, value, visits)
SELECT site_id, dimension, date_trunc('month', visit_date::timestamp), value, sum(visits)
FROM visit_counts GROUP BY 1, 2, 3, 4
"""
RECOUNT = """
CREATE OR REPLACE FUNCTION recount_visits() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE visitors, visit_changes, visit_counts IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM visit_changes;
    DELETE FROM visit_counts;
    {forget_months}
    INSERT INTO visit_counts (site_id, visit_date, dimension, value, visits)
    SELECT site_id, visit_date, dimension, value, count(*)
    FROM visitors, LATERAL (VALUES
        ('status', status),
        ('purpose', purpose),
        ('department', coalesce(department_id::text, '')),
        ('hour', extract(hour FROM visit_time)::text)
    ) AS counted (dimension, value)
    GROUP BY site_id, visit_date, dimension, value;
END
$$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _indexes()
    op.create_table(
        "visit_month_counts",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("dimension", sa.String(length=20), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_id", "dimension", "month", "value", name=op.f("pk_visit_month_counts")
        ),
    )
    # The job that writes them waits; registrations and scans do not.
    op.execute("LOCK TABLE visit_counts IN SHARE ROW EXCLUSIVE MODE")
    op.execute(ADD_TO_MONTHS)
    for event, tables in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER months_{event.lower()} AFTER {event} ON visit_counts"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION add_to_months()"
        )
    op.execute(COUNT_MONTHS)
    op.execute(RECOUNT.format(forget_months="DELETE FROM visit_month_counts;"))


def _indexes() -> None:
    # Behind a pooler the limits would stay on a connection of others.
    is_pooled = "prepared_statement_cache_size" in op.get_bind().engine.url.query
    limits = () if is_pooled else ("lock_timeout", "statement_timeout")
    for limit in limits:
        op.execute(f"SET {limit} = '30min'")  # waits for running exports, and nobody for it
    for name, of in INDEXES.items():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {of}")
    for limit in limits:
        op.execute(f"RESET {limit}")


def downgrade() -> None:
    op.execute(RECOUNT.format(forget_months=""))
    for event in TRIGGERS:
        op.execute(f"DROP TRIGGER months_{event.lower()} ON visit_counts")
    op.execute("DROP FUNCTION add_to_months()")
    op.drop_table("visit_month_counts")
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
