"""Search without accents, by every spelling of a name.

Nothing is locked: words of existing visitors are rebuilt in batches before the first search.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CUT = r"""
CREATE OR REPLACE FUNCTION search_cut(t text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_remove(string_to_array(regexp_replace(t, '[^[:alnum:]]+', ' ', 'g'), ' '), '')
"""
# Letters that Unicode does not decompose.
FOLD = r"""
CREATE OR REPLACE FUNCTION search_fold(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = length(t) THEN lower(t) ELSE
    replace(replace(replace(replace(
        translate(
            normalize(regexp_replace(normalize(lower(t), NFKD), U&'[\0300-\036f]+', '', 'g'), NFC),
            'ıłøđðħŧŋς', 'iloddhtnσ'
        ),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
END
"""  # noqa: RUF001 - letters that look like others are what it is about
# Spelt without the letter: Juergen, Soeren, Aage.
FOLD_SPELT_OUT = r"""
CREATE OR REPLACE FUNCTION search_fold_spelt_out(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = length(t) THEN lower(t) ELSE
    search_fold(
        replace(replace(replace(replace(replace(
            normalize(lower(t), NFC),
            'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ø', 'oe'), 'å', 'aa')
    )
END
"""
# With the previous words, so that the downgrade changes only functions.
SPELLINGS = r"""
CREATE OR REPLACE FUNCTION search_spellings(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = length(t) THEN lower(t) ELSE
    lower(t) || ' ' || search_fold(t) || ' ' || search_fold_spelt_out(t)
END
"""
WORDS = r"""
CREATE OR REPLACE FUNCTION search_words(name text, email text, company text, phone text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN search_cut(
    coalesce(search_spellings(name), '') || ' ' || coalesce(search_spellings(email), '') || ' '
    || coalesce(search_spellings(company), '') || ' '
    || coalesce(phone || ' ' || regexp_replace(phone, '[^0-9]+', '', 'g'), '')
)
"""
QUERY_BEFORE = r"""
CREATE OR REPLACE FUNCTION search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CAST(string_agg(DISTINCT quote_literal(word) || ':*', ' & ') AS tsquery)
    FROM unnest(search_cut(lower(q))) AS word
)
"""
# Words with one spelling are looked up once: the planner adds up estimates.
QUERY = r"""
CREATE OR REPLACE FUNCTION search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CAST(
        string_agg(
            DISTINCT CASE
                WHEN spelt_out = word THEN quote_literal(word) || ':*'
                ELSE '(' || quote_literal(word) || ':* | ' || quote_literal(spelt_out) || ':*)'
            END,
            ' & '
        ) AS tsquery
    )
    FROM unnest(search_cut(search_fold(q)), search_cut(search_fold_spelt_out(q)))
        AS words (word, spelt_out)
)
"""

# A thousand at a time, so that locks are brief.
END_OF_PART = "SELECT id FROM visitors WHERE id > :after ORDER BY id OFFSET 999 LIMIT 1"
# Others have one spelling.
WORDS_ONCE_MORE = """
UPDATE visitors SET name = name WHERE id IN (
    SELECT id FROM visitors
    WHERE id > :after AND id <= :until
        AND octet_length(concat(name, email, company)) > length(concat(name, email, company))
        AND search IS DISTINCT FROM array_to_tsvector(search_words(name, email, company, phone))
    ORDER BY id FOR NO KEY UPDATE
)
"""
FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)

WORDS_OF_0001 = r"""
CREATE OR REPLACE FUNCTION search_words(name text, email text, company text, phone text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(DISTINCT word), '{}')
    FROM unnest(
        string_to_array(
            regexp_replace(
                lower(
                    coalesce(name, '') || ' ' || coalesce(email, '') || ' '
                    || coalesce(company, '') || ' ' || coalesce(phone, '')
                ),
                '[^[:alnum:]]+', ' ', 'g'
            ),
            ' '
        ) || regexp_replace(coalesce(phone, ''), '[^0-9]+', '', 'g')
    ) AS word
    WHERE word <> ''
)
"""
QUERY_OF_0002 = r"""
CREATE OR REPLACE FUNCTION search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CAST(string_agg(quote_literal(word) || ':*', ' & ') AS tsquery)
    FROM unnest(search_words(q, '', '', '')) AS word
)
"""


def upgrade() -> None:
    for function in (CUT, FOLD, FOLD_SPELT_OUT, SPELLINGS, QUERY_BEFORE, WORDS):
        op.execute(function)
    with op.get_context().autocommit_block():
        _make_words_once_more(op.get_bind())
    op.execute(QUERY)


def _make_words_once_more(connection: sa.Connection) -> None:
    """Rebuild the words in batches that commit separately."""
    after = FIRST
    while after != LAST:
        until = connection.scalar(sa.text(END_OF_PART), {"after": after}) or LAST
        connection.execute(sa.text(WORDS_ONCE_MORE), {"after": after, "until": until})
        after = until


def downgrade() -> None:
    op.execute(QUERY_OF_0002)
    op.execute(WORDS_OF_0001)
    for function in ("search_spellings", "search_fold_spelt_out", "search_fold", "search_cut"):
        op.execute(f"DROP FUNCTION {function}(text)")
