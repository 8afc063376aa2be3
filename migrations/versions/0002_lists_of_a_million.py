"""Lists that stop after a page: a search that the planner can weigh, indexes of past ones."""

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
ORDERS = {"created": ["created_at", "id"], "visit": ["visit_date", "visit_time", "id"]}
PAST = ("completed", "expired")


def upgrade() -> None:
    op.execute(SEARCH_QUERY)
    op.execute(SEARCH_KEY)
    for status in PAST:
        only = sa.text(f"status = '{status}'")
        for order, columns in ORDERS.items():
            name = f"ix_visitors_{status}_{order}"
            op.create_index(name, "visitors", columns, postgresql_where=only)


def downgrade() -> None:
    for status in PAST:
        for order in ORDERS:
            op.drop_index(f"ix_visitors_{status}_{order}", table_name="visitors")
    op.execute("DROP FUNCTION search_key(text)")
    op.execute("DROP FUNCTION search_query(text)")
