"""Sign-in by the company's directory: flows, codes, links, and what they change in accounts.

Additive. The previous release cannot read the new words, so that no sign-in by directory begins
before `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Table, column, constraint, new words.
WORDS = (
    ("notifications", "kind", "ck_notifications_notificationkind", ("directory_linked",)),
    (
        "account_events",
        "action",
        "ck_account_events_accountaction",
        ("directory_linked", "directory_unlinked", "role_followed"),
    ),
)
# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0014', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""


def upgrade() -> None:
    op.add_column("users", _flag("role_from_directory"))
    op.add_column("auth_sessions", _flag("by_directory"))
    _create_flows()
    _create_codes()
    _create_links()
    for table, column, constraint, added in WORDS:
        _allow(table, column, constraint, [*_words(table, constraint), *added])
    op.execute(BEGIN_ROLLOUT)


def _create_flows() -> None:
    op.create_table(
        "directory_flows",
        sa.Column("state_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("nonce_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.String(length=43), nullable=False),
        sa.Column("return_to", sa.String(length=2000), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_flows")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_directory_flows_state_hash")),
    )
    op.create_index(op.f("ix_directory_flows_expires_at"), "directory_flows", ["expires_at"])


def _create_codes() -> None:
    op.create_table(
        "directory_codes",
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("challenge", sa.String(length=43), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_directory_codes_code_hash")),
    )
    op.create_index(op.f("ix_directory_codes_expires_at"), "directory_codes", ["expires_at"])


def _create_links() -> None:
    op.create_table(
        "directory_links",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=2000), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_directory_links_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_links")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_directory_links_issuer_subject")),
        sa.UniqueConstraint("user_id", name=op.f("uq_directory_links_user_id")),
    )


def downgrade() -> None:
    for table, column, constraint, added in WORDS:
        _refuse_rows(table, f"{column} IN ({_listed(added)})")
        before = [word for word in _words(table, constraint) if word not in added]
        _allow(table, column, constraint, before)
    _refuse_rows("directory_links", "true")
    op.execute("DELETE FROM rollouts WHERE revision = '0014'")
    for table in ("directory_links", "directory_codes", "directory_flows"):
        op.drop_table(table)
    op.drop_column("auth_sessions", "by_directory")
    op.drop_column("users", "role_from_directory")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _words(table: str, constraint: str) -> list[str]:
    """Return the words that a CHECK lists, to which other migrations may have added some."""
    question = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conname = '{constraint}' AND conrelid = '{table}'::regclass"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().scalar(question) or "")


def _allow(table: str, column: str, constraint: str, words: Sequence[str]) -> None:
    """Replace the CHECK.

    Existing rows are validated by `vms migrate --finish` without a blocking lock; in an empty
    database this happens at once.
    """
    later = "NOT VALID" if op.get_bind().scalar(sa.text(f"SELECT EXISTS (TABLE {table})")) else ""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN ({_listed(words)})) "
        f"{later}"
    )


def _refuse_rows(table: str, condition: str) -> None:
    question = sa.text(f"SELECT count(*) FROM {table} WHERE {condition}")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(f"{count} rows of {table} that the previous release cannot read")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
