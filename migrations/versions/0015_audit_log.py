"""Make one audit log of the events of visitors and accounts, to be chained.

The table of visitors' events becomes the log. Processes of the previous release read and write both
under their former names, as views. `vms migrate` then moves the account events, and chains all.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_audit_entries_unchained": "(id) WHERE seq IS NULL",
    "ix_audit_entries_users": "(id) WHERE subject_type = 'user'",
    "ix_audit_entries_actor": "(actor_id, seq) WHERE seq IS NOT NULL",
    "ix_audit_entries_site": "(site_id, seq) WHERE seq IS NOT NULL",
    "ix_audit_entries_action": "(subject_type, action, seq) WHERE seq IS NOT NULL",
    "ix_audit_entries_seq": "(seq) WHERE seq IS NOT NULL",
}
VISITOR_EVENTS = """
CREATE VIEW visitor_events AS
SELECT id, subject_id AS visitor_id, action, actor_role, actor_id, actor_name, client_address,
    request_id, details, created_at
FROM audit_entries WHERE subject_type = 'visitor'
"""
ACCOUNT_EVENTS = """
CREATE VIEW account_events AS
SELECT id, subject_id AS account_id, action, actor_id, client_address, request_id, details,
    created_at, subject_type, actor_role, actor_name
FROM audit_entries WHERE subject_type = 'user'
"""
# The previous release updates an event only to forget an address: erase what this release would.
FORGET = """
CREATE RULE forget AS ON UPDATE TO visitor_events DO INSTEAD
UPDATE audit_entries SET client_address = NULL, value_key = NULL,
    request_id = CASE WHEN NOT is_request_id_of_client THEN request_id END,
    details = (SELECT coalesce(jsonb_object_agg(name, NULL), '{}')
        FROM jsonb_object_keys(details) AS name)
WHERE id = old.id
"""
VISITOR_ACTIONS = (
    "registered",
    "updated",
    "rescheduled",
    "cancelled",
    "expired",
    "checked_in",
    "checked_out",
    "completed",
    "email_resent",
    "code_replaced",
    "deleted",
    "anonymised",
    "personal_data_exported",
)
COLUMNS = (
    "id, subject_type, subject_id, action, actor_role, actor_id, actor_name, site_id, "
    "client_address, request_id, is_request_id_of_client, details, created_at"
)
OTHERS = "FROM audit_entries WHERE subject_type NOT IN ('visitor', 'user')"
BACK = (
    "DROP VIEW account_events",
    "DROP VIEW visitor_events",
    "ALTER TABLE former_account_events RENAME TO account_events",
    "ALTER INDEX pk_former_account_events RENAME TO pk_account_events",
    """INSERT INTO account_events (id, account_id, action, actor_id, client_address, request_id,
        details, created_at)
    SELECT id, subject_id, action, actor_id, client_address, coalesce(request_id, '-'), details,
        created_at
    FROM audit_entries WHERE subject_type = 'user'""",
    "DELETE FROM audit_entries WHERE subject_type = 'user'",
    "UPDATE audit_entries SET request_id = '-' WHERE request_id IS NULL",
)


def upgrade() -> None:
    """Rename at once, then create the indexes without blocking anybody.

    A run that was ended between the two continues with the indexes.
    """
    if not sa.inspect(op.get_bind()).has_table("audit_entries"):
        _leases()
        _heads()
        _account_events()
        _entries()
        _take_up_later_entries()
        _views()
    with op.get_context().autocommit_block():
        _indexes()


def _take_up_later_entries() -> None:
    """Return entries that a way back to the previous release had to set aside."""
    if sa.inspect(op.get_bind()).has_table("later_audit_entries"):
        op.execute(
            f"INSERT INTO audit_entries ({COLUMNS}) SELECT {COLUMNS} FROM later_audit_entries"
        )
        op.drop_table("later_audit_entries")


def _views() -> None:
    op.execute(VISITOR_EVENTS)
    op.execute(FORGET)
    op.execute(ACCOUNT_EVENTS)
    for name, value in (("subject_type", "user"), ("actor_role", "user"), ("actor_name", "")):
        op.execute(f"ALTER VIEW account_events ALTER COLUMN {name} SET DEFAULT '{value}'")
    # The previous release deletes old events every night; here the chain needs them.
    op.execute("CREATE RULE keep AS ON DELETE TO account_events DO INSTEAD NOTHING")


def _indexes() -> None:
    # Behind a pooler the limits would stay on a connection of others.
    is_pooled = "prepared_statement_cache_size" in op.get_bind().engine.url.query
    limits = () if is_pooled else ("lock_timeout", "statement_timeout")
    for limit in limits:
        op.execute(f"SET {limit} = '30min'")  # waits for running exports, and nobody for it
    for name, columns in INDEXES.items():
        unique = "UNIQUE " if name == "ix_audit_entries_seq" else ""
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {unique}INDEX CONCURRENTLY {name} ON audit_entries {columns}")
    for limit in limits:
        op.execute(f"RESET {limit}")


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )


def _heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_anchor", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", "is_anchor", name=op.f("pk_audit_heads")),
    )


def _account_events() -> None:
    op.rename_table("account_events", "former_account_events")
    op.execute("ALTER INDEX pk_account_events RENAME TO pk_former_account_events")
    op.drop_index("ix_account_events_account_id_id", table_name="former_account_events")
    op.execute("ALTER TABLE former_account_events DROP CONSTRAINT ck_account_events_accountaction")


def _entries() -> None:
    op.rename_table("visitor_events", "audit_entries")
    op.execute("ALTER TABLE audit_entries RENAME COLUMN visitor_id TO subject_id")
    op.execute("ALTER INDEX pk_visitor_events RENAME TO pk_audit_entries")
    op.execute(
        "ALTER INDEX ix_visitor_events_visitor_id_id RENAME TO ix_audit_entries_subject_id_id"
    )
    op.execute("ALTER TABLE audit_entries DROP CONSTRAINT ck_visitor_events_visitoraction")
    op.alter_column("audit_entries", "subject_id", nullable=True)
    op.alter_column("audit_entries", "request_id", nullable=True)
    for column in (
        sa.Column("subject_type", sa.String(40), server_default="visitor", nullable=False),
        sa.Column("site_id", sa.Uuid()),
        sa.Column(
            "is_request_id_of_client", sa.Boolean(), server_default=sa.true(), nullable=False
        ),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("previous_hash", sa.LargeBinary(length=32)),
        sa.Column("hash", sa.LargeBinary(length=32)),
        sa.Column("value_key", sa.LargeBinary(length=32)),
        sa.Column("macs", sa.LargeBinary()),
    ):
        op.add_column("audit_entries", column)


def downgrade() -> None:
    """Return the events to their tables, without their chain; the next upgrade takes up others."""
    if op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT {OTHERS})")):
        op.execute(f"CREATE TABLE later_audit_entries AS SELECT {COLUMNS} {OTHERS}")
        op.execute(f"DELETE {OTHERS}")
    for statement in BACK:
        op.execute(statement)
    op.create_index("ix_account_events_account_id_id", "account_events", ["account_id", "id"])
    _allow("account_events", "accountaction", ACCOUNT_ACTIONS)
    for name in INDEXES:
        op.drop_index(name, table_name="audit_entries")
    for column in (
        "macs",
        "value_key",
        "hash",
        "previous_hash",
        "seq",
        "is_request_id_of_client",
        "site_id",
        "subject_type",
    ):
        op.drop_column("audit_entries", column)
    op.alter_column("audit_entries", "request_id", nullable=False)
    op.alter_column("audit_entries", "subject_id", nullable=False)
    op.execute("ALTER TABLE audit_entries RENAME COLUMN subject_id TO visitor_id")
    op.rename_table("audit_entries", "visitor_events")
    op.execute("ALTER INDEX pk_audit_entries RENAME TO pk_visitor_events")
    op.execute(
        "ALTER INDEX ix_audit_entries_subject_id_id RENAME TO ix_visitor_events_visitor_id_id"
    )
    _allow("visitor_events", "visitoraction", VISITOR_ACTIONS)
    op.drop_table("audit_heads")
    op.drop_table("leases")


ACCOUNT_ACTIONS = (
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "session_ended",
    "other_sessions_ended",
    "token_reused",
    "registered",
    "email_verified",
    "password_changed",
    "password_change_failed",
    "password_reset_asked",
    "password_reset",
    "created",
    "updated",
    "deleted",
    "visits_handed_over",
    "second_factor_failed",
    "second_factor_added",
    "second_factor_removed",
    "second_factor_reset",
    "recovery_code_used",
    "recovery_codes_renewed",
    "directory_linked",
    "directory_unlinked",
    "role_followed",
)


def _allow(table: str, name: str, words: Sequence[str]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK (action IN ({listed}))")
