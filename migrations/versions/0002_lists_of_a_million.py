"""Lists that stop after a page: a search that the planner can weigh, indexes of ended visits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Immutable, and so worked out before a statement is planned: whether a word is that of one visitor
# or of a tenth of them, the planner then knows from its statistics.
SEARCH_QUERY = r"""
CREATE FUNCTION search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CAST(string_agg(quote_literal(word) || ':*', ' & ') AS tsquery)
    FROM unnest(search_words(q, '', '', '')) AS word
)
"""
# The words by which the index is asked: it gathers everybody who has a word that begins so. Left
# out are those that all of them have, the ends of an address and the short numbers of a phone.
SEARCH_KEY = r"""
CREATE FUNCTION search_key(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    search_query(regexp_replace(split_part(q, '@', 1), '\m[0-9]{1,3}\M', ' ', 'g')),
    search_query(q)
)
"""
ENDED = sa.text("status IN ('completed', 'cancelled', 'expired')")


def upgrade() -> None:
    op.execute(SEARCH_QUERY)
    op.execute(SEARCH_KEY)
    op.create_index(
        "ix_visitors_ended_created", "visitors", ["created_at", "id"], postgresql_where=ENDED
    )
    op.create_index(
        "ix_visitors_ended_visit",
        "visitors",
        ["visit_date", "visit_time", "id"],
        postgresql_where=ENDED,
    )


def downgrade() -> None:
    op.drop_index("ix_visitors_ended_visit", table_name="visitors", postgresql_where=ENDED)
    op.drop_index("ix_visitors_ended_created", table_name="visitors", postgresql_where=ENDED)
    op.execute("DROP FUNCTION search_key(text)")
    op.execute("DROP FUNCTION search_query(text)")
