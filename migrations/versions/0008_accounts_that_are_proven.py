"""Protect accounts: verify addresses before passwords, confirm sign-ins, add mails.

Additive; new values may be written after `vms migrate --finish`.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NEW_MAILS = ("password_changed", "email_changed")
KINDS = "ck_notifications_notificationkind"
# Readable by the previous release; no known password matches.
NO_PASSWORD = f"$bcrypt-sha256$v=2,t=2b,r=12${'.' * 22}${'.' * 31}"
# The person who registered an address may not own it.
TAKE_PASSWORDS = sa.text("UPDATE users SET password_hash = :hash WHERE awaits_verification")
END_LINKS = """
DELETE FROM account_links USING users
WHERE users.id = account_links.user_id
    AND (users.awaits_verification OR account_links.purpose = 'email_verification')
"""
# With accounts, the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0008', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""


def upgrade() -> None:
    confirmed_at = sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("auth_sessions", confirmed_at)
    op.execute(TAKE_PASSWORDS.bindparams(hash=NO_PASSWORD))
    op.execute(END_LINKS)
    op.execute(BEGIN_ROLLOUT)
    _allow_kinds((*_kinds(), *NEW_MAILS))


def downgrade() -> None:
    """Revert the schema; removed passwords must be reset."""
    words = _listed(NEW_MAILS)
    question = sa.text(f"SELECT count(*) FROM notifications WHERE kind IN ({words})")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(
            f"{count} rows of notifications are of a kind that the previous release cannot read"
        )
    _allow_kinds([kind for kind in _kinds() if kind not in NEW_MAILS])
    op.execute("DELETE FROM rollouts WHERE revision = '0008'")
    op.drop_column("auth_sessions", "confirmed_at")


def _kinds() -> list[str]:
    """Return the allowed kinds of mail."""
    question = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    definition = op.get_bind().scalar(question.bindparams(name=KINDS))
    return re.findall(r"'(\w+)'", definition or "")


def _allow_kinds(kinds: Sequence[str]) -> None:
    """Replace the CHECK; `vms migrate --finish` validates existing rows without blocking."""
    has_rows = op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE notifications)"))
    later = "NOT VALID" if has_rows else ""
    op.execute(f"ALTER TABLE notifications DROP CONSTRAINT {KINDS}")
    op.execute(
        f"ALTER TABLE notifications ADD CONSTRAINT {KINDS} CHECK (kind IN ({_listed(kinds)})) "
        f"{later}"
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
