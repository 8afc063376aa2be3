"""Musters: rosters of people on site, and the marks of wardens.

Additive: the previous release ignores them. Its gates neither refuse entries nor extend rosters, so
stop it before relying on a muster.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = ("unknown", "safe", "needs_help", "missing", "left_earlier")


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.add_column(
        "sites",
        sa.Column("muster_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    _create_musters()
    _create_entries()
    _create_marks()


def _create_musters() -> None:
    op.create_table(
        "musters",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("musterkind", "drill", "real"), nullable=False),
        sa.Column("status", _words("musterstatus", "open", "ended"), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=401), nullable=False),
        sa.Column("real_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_musters_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_musters")),
    )
    op.create_index(
        "uq_musters_open",
        "musters",
        ["site_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_musters_created_at_id", "musters", ["created_at", "id"])
    op.create_index("ix_musters_site_created", "musters", ["site_id", "created_at", "id"])


def _create_entries() -> None:
    op.create_table(
        "muster_entries",
        sa.Column("muster_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("gate", sa.String(length=200), nullable=True),
        sa.Column("in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "confidence",
            _words("confidence", "inside", "away", "unconfirmed", "added"),
            nullable=False,
        ),
        sa.Column("state", _words("markstate", *STATES), server_default="unknown", nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marked_by", sa.String(length=401), nullable=True),
        sa.Column("marked_note", sa.String(length=2000), nullable=True),
        sa.Column(
            "alarms", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("is_exit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muster_entries")),
        sa.UniqueConstraint(
            "muster_id", "visitor_id", name=op.f("uq_muster_entries_muster_id_visitor_id")
        ),
    )
    op.create_index("ix_muster_entries_visitor_id", "muster_entries", ["visitor_id"])


def _create_marks() -> None:
    op.create_table(
        "muster_marks",
        sa.Column("muster_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=True),
        sa.Column("mark_id", sa.Uuid(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", _words("markstate", *STATES), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("marked_by", sa.String(length=401), nullable=False),
        sa.Column("seen", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("is_exit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_late", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["muster_entries.id"],
            name=op.f("fk_muster_marks_entry_id_muster_entries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muster_marks")),
        sa.UniqueConstraint("muster_id", "mark_id", name=op.f("uq_muster_marks_muster_id_mark_id")),
    )
    op.create_index(op.f("ix_muster_marks_entry_id"), "muster_marks", ["entry_id"])
    op.create_index(op.f("ix_muster_marks_visitor_id"), "muster_marks", ["visitor_id"])


def downgrade() -> None:
    op.drop_table("muster_marks")
    op.drop_table("muster_entries")
    op.drop_table("musters")
    op.drop_column("sites", "muster_version")
