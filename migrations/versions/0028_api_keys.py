"""API keys: credentials of programs.

Additive; the previous release does not know the keys: none is made before `vms migrate --finish`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0028', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
FOLLOW = """
CREATE FUNCTION note_sites_of_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM api_key_sites
    WHERE key_id = NEW.id AND site_id <> ALL (coalesce(NEW.sites, '{}'));
    INSERT INTO api_key_sites (key_id, site_id)
    SELECT NEW.id, site_id FROM unnest(NEW.sites) AS site_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$
"""
ON_INSERT = """
CREATE TRIGGER sites_of_new_api_key AFTER INSERT ON api_keys
FOR EACH ROW WHEN (NEW.sites IS NOT NULL) EXECUTE FUNCTION note_sites_of_api_key()
"""
ON_CHANGE = """
CREATE TRIGGER sites_of_api_key AFTER UPDATE OF sites ON api_keys
FOR EACH ROW WHEN (OLD.sites IS DISTINCT FROM NEW.sites) EXECUTE FUNCTION note_sites_of_api_key()
"""


def upgrade() -> None:
    _create_keys()
    op.create_table(
        "api_key_sites",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["api_keys.id"],
            name=op.f("fk_api_key_sites_key_id_api_keys"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_api_key_sites_site_id_sites")
        ),
        sa.PrimaryKeyConstraint("key_id", "site_id", name=op.f("pk_api_key_sites")),
    )
    op.create_index(op.f("ix_api_key_sites_site_id"), "api_key_sites", ["site_id"])
    for statement in (FOLLOW, ON_INSERT, ON_CHANGE, BEGIN_ROLLOUT):
        op.execute(statement)


def _create_keys() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "api_keys",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("maker_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("sites", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("allowed_networks", postgresql.ARRAY(sa.String(length=43)), nullable=True),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous_key_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("previous_key_until", instant, nullable=True),
        sa.Column("last_used_at", instant, nullable=True),
        sa.Column("last_used_from", sa.String(length=64), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("ck_api_keys_scopes")),
        sa.CheckConstraint("cardinality(sites) > 0", name=op.f("ck_api_keys_sites")),
        sa.CheckConstraint(
            "cardinality(allowed_networks) > 0", name=op.f("ck_api_keys_allowed_networks")
        ),
        sa.ForeignKeyConstraint(
            ["maker_id"],
            ["users.id"],
            name=op.f("fk_api_keys_maker_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("previous_key_hash", name=op.f("uq_api_keys_previous_key_hash")),
    )
    op.create_index(op.f("ix_api_keys_maker_id"), "api_keys", ["maker_id"])


def downgrade() -> None:
    if count := op.get_bind().scalar(sa.text("SELECT count(*) FROM api_keys")):
        raise RuntimeError(f"{count} API keys would be lost: delete them first")
    op.execute("DELETE FROM rollouts WHERE revision = '0028'")
    op.drop_table("api_key_sites")
    op.drop_table("api_keys")
    op.execute("DROP FUNCTION note_sites_of_api_key()")
