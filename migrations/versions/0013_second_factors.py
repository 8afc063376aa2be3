"""Second factors, sign-ins that wait for one, and their mails and events.

Tables, columns and values are additive, so the previous release keeps working. It would let in an
account without its second factor: nobody can set one up before `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Table, column, constraint, new values.
WORDS = (
    ("notifications", "kind", "ck_notifications_notificationkind", ("second_factor_changed",)),
    (
        "account_events",
        "action",
        "ck_account_events_accountaction",
        (
            "second_factor_failed",
            "second_factor_added",
            "second_factor_removed",
            "second_factor_reset",
            "recovery_code_used",
            "recovery_codes_renewed",
        ),
    ),
)
METHODS = "method IN ('password', 'directory', 'passkey')"
# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0013', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
COUNT_ENROLLED = """
SELECT count(*) FROM users WHERE id IN
    (SELECT user_id FROM totp_factors WHERE is_confirmed UNION SELECT user_id FROM passkeys)
"""


def upgrade() -> None:
    op.add_column(
        "auth_sessions",
        sa.Column(
            "has_directory_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    _create(
        "totp_factors",
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint(
            "user_id", "is_confirmed", name=op.f("uq_totp_factors_user_id_is_confirmed")
        ),
    )
    _create(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.UniqueConstraint(
            "user_id", "code_hash", name=op.f("uq_recovery_codes_user_id_code_hash")
        ),
    )
    _create(
        "passkeys",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
        indexed=True,
    )
    _create(
        "passkey_challenges",
        sa.Column("challenge_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("challenge_hash", name=op.f("uq_passkey_challenges_challenge_hash")),
        indexed=True,
        owned=False,
    )
    _create(
        "sign_in_tickets",
        sa.Column("ticket_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(METHODS, name=op.f("ck_sign_in_tickets_signinmethod")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_sign_in_tickets_ticket_hash")),
        indexed=True,
    )
    for table in ("passkey_challenges", "sign_in_tickets"):
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])
    op.execute(BEGIN_ROLLOUT)
    for table, column, constraint, added in WORDS:
        _allow(table, column, constraint, (*_words(constraint), *added))


def downgrade() -> None:
    """Drop the second factors, unless somebody has one: the account would be open without it."""
    if count := op.get_bind().scalar(sa.text(COUNT_ENROLLED)):
        raise RuntimeError(
            f"{count} accounts have a second factor that the previous release does not ask for"
        )
    for table, column, constraint, added in WORDS:
        _refuse_rows(table, column, added)
        before = [word for word in _words(constraint) if word not in added]
        _allow(table, column, constraint, before)
    op.execute("DELETE FROM rollouts WHERE revision = '0013'")
    for table in (
        "sign_in_tickets",
        "passkey_challenges",
        "passkeys",
        "recovery_codes",
        "totp_factors",
    ):
        op.drop_table(table)
    op.drop_column("auth_sessions", "has_directory_factor")


def _create(
    name: str, *parts: sa.Column[object] | sa.Constraint, indexed: bool = False, owned: bool = True
) -> None:
    """Create a table of rows that belong to an account and end with it."""
    op.create_table(
        name,
        sa.Column("user_id", sa.Uuid(), nullable=not owned),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f(f"fk_{name}_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    if indexed:
        op.create_index(op.f(f"ix_{name}_user_id"), name, ["user_id"])


def _words(constraint: str) -> list[str]:
    """Return the words that a CHECK currently allows."""
    question = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    definition = op.get_bind().scalar(question.bindparams(name=constraint))
    return re.findall(r"'(\w+)'", definition or "")


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


def _refuse_rows(table: str, column: str, words: Sequence[str]) -> None:
    question = sa.text(f"SELECT count(*) FROM {table} WHERE {column} IN ({_listed(words)})")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(
            f"{count} rows of {table} are of a kind that the previous release cannot read"
        )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
