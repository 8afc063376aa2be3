"""Add stored counts of visits for the dashboard, kept by triggers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOTE_CHANGE = """
CREATE FUNCTION note_visit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO visit_changes
            (site_id, visit_date, hour, status, purpose, department_id, visits)
        VALUES (OLD.site_id, OLD.visit_date, extract(hour FROM OLD.visit_time), OLD.status,
            OLD.purpose, OLD.department_id, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO visit_changes
            (site_id, visit_date, hour, status, purpose, department_id, visits)
        VALUES (NEW.site_id, NEW.visit_date, extract(hour FROM NEW.visit_time), NEW.status,
            NEW.purpose, NEW.department_id, 1);
    END IF;
    RETURN NULL;
END
$$
"""
ON_COMING_AND_GOING = """
CREATE TRIGGER visits_counted AFTER INSERT OR DELETE ON visitors
FOR EACH ROW EXECUTE FUNCTION note_visit_change()
"""
ON_CHANGE = """
CREATE TRIGGER visits_recounted
AFTER UPDATE OF site_id, visit_date, visit_time, status, purpose, department_id ON visitors
FOR EACH ROW
WHEN ((OLD.site_id, OLD.visit_date, OLD.visit_time, OLD.status, OLD.purpose, OLD.department_id)
    IS DISTINCT FROM
    (NEW.site_id, NEW.visit_date, NEW.visit_time, NEW.status, NEW.purpose, NEW.department_id))
EXECUTE FUNCTION note_visit_change()
"""
# Counts visitors added without the triggers.
RECOUNT = """
CREATE FUNCTION recount_visits() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE visitors, visit_changes, visit_counts IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM visit_changes;
    DELETE FROM visit_counts;
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
    op.create_table(
        "visit_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("visit_date", sa.Date(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("visits", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_changes")),
    )
    op.create_table(
        "visit_counts",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("dimension", sa.String(length=20), nullable=False),
        sa.Column("visit_date", sa.Date(), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_id", "dimension", "visit_date", "value", name=op.f("pk_visit_counts")
        ),
    )
    for statement in (NOTE_CHANGE, ON_COMING_AND_GOING, ON_CHANGE, RECOUNT):
        op.execute(statement)
    op.execute("SELECT recount_visits()")
    # The dashboard no longer needs the included columns.
    op.drop_index("ix_visitors_visit", table_name="visitors")
    op.create_index("ix_visitors_visit", "visitors", ["visit_date", "visit_time", "id"])


def downgrade() -> None:
    op.drop_index("ix_visitors_visit", table_name="visitors")
    op.create_index(
        "ix_visitors_visit",
        "visitors",
        ["visit_date", "visit_time", "id"],
        postgresql_include=["site_id", "status", "purpose", "department_id"],
    )
    op.execute("DROP FUNCTION recount_visits()")
    op.execute("DROP TRIGGER visits_recounted ON visitors")
    op.execute("DROP TRIGGER visits_counted ON visitors")
    op.execute("DROP FUNCTION note_visit_change()")
    op.drop_table("visit_counts")
    op.drop_table("visit_changes")
