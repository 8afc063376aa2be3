"""Receptionists and guards, and the sites of an account.

Additive: today's accounts keep every site. The previous release neither reads the new roles nor
looks at `sites`, so that both may be given once its processes are gone: `vms migrate --finish`.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROLES = ("superadmin", "admin", "host")
NEW_ROLES = ("receptionist", "guard")
# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0012', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
# A request reads the list with its account; the rows have the foreign key that a list cannot have.
# Rows that stay are not touched, so that no deletion of their site waits for this one in a circle.
FOLLOW = """
CREATE FUNCTION note_sites_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM user_sites
    WHERE user_id = NEW.id AND site_id <> ALL (coalesce(NEW.sites, '{}'));
    INSERT INTO user_sites (user_id, site_id)
    SELECT NEW.id, site_id FROM unnest(NEW.sites) AS site_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$
"""
ON_INSERT = """
CREATE TRIGGER sites_of_new_user AFTER INSERT ON users
FOR EACH ROW WHEN (NEW.sites IS NOT NULL) EXECUTE FUNCTION note_sites_of_user()
"""
ON_CHANGE = """
CREATE TRIGGER sites_of_user AFTER UPDATE OF sites ON users
FOR EACH ROW WHEN (OLD.sites IS DISTINCT FROM NEW.sites) EXECUTE FUNCTION note_sites_of_user()
"""


def upgrade() -> None:
    _allow((*ROLES, *NEW_ROLES))
    sites: sa.Column[list[UUID]] = sa.Column("sites", postgresql.ARRAY(sa.Uuid()), nullable=True)
    op.add_column("users", sites)
    op.create_check_constraint(op.f("ck_users_sites"), "users", "cardinality(sites) > 0")
    op.create_table(
        "user_sites",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sites_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_user_sites_site_id_sites")
        ),
        sa.PrimaryKeyConstraint("user_id", "site_id", name=op.f("pk_user_sites")),
    )
    op.create_index(op.f("ix_user_sites_site_id"), "user_sites", ["site_id"])
    for statement in (FOLLOW, ON_INSERT, ON_CHANGE, BEGIN_ROLLOUT):
        op.execute(statement)


def downgrade() -> None:
    _refuse_rows(f"role IN ({_listed(NEW_ROLES)})", "have a role")
    _refuse_rows("sites IS NOT NULL", "are limited to sites, a limit")
    op.execute("DELETE FROM rollouts WHERE revision = '0012'")
    op.execute("DROP TRIGGER sites_of_user ON users")
    op.execute("DROP TRIGGER sites_of_new_user ON users")
    op.execute("DROP FUNCTION note_sites_of_user()")
    op.drop_table("user_sites")
    op.drop_column("users", "sites")
    _allow(ROLES)


def _allow(roles: Sequence[str]) -> None:
    """Replace the CHECK.

    Existing rows are validated by `vms migrate --finish` without a blocking lock; in an empty
    database this happens at once.
    """
    later = "NOT VALID" if op.get_bind().scalar(sa.text("SELECT EXISTS (TABLE users)")) else ""
    op.execute("ALTER TABLE users DROP CONSTRAINT ck_users_role")
    op.execute(
        f"ALTER TABLE users ADD CONSTRAINT ck_users_role CHECK (role IN ({_listed(roles)})) {later}"
    )


def _refuse_rows(condition: str, what: str) -> None:
    question = sa.text(f"SELECT count(*) FROM users WHERE {condition}")
    if count := op.get_bind().scalar(question):
        raise RuntimeError(f"{count} rows of users {what} that the previous release cannot read")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
