"""API keys: credentials of programs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Base, Entity


class ApiKey(Entity):
    """A key of a program, which never may do more than its maker may.

    `sites` limits it to some sites and `allowed_networks` to some networks; null is no limit. It
    stops working with the account of its maker, and outlives it for the list. The previous secret
    is valid until `previous_key_until`, and the one before until `older_key_until`.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("cardinality(scopes) > 0", name="scopes"),
        CheckConstraint("cardinality(sites) > 0", name="sites"),
        CheckConstraint("cardinality(allowed_networks) > 0", name="allowed_networks"),
    )

    name: Mapped[str] = mapped_column(String(200))
    maker_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    sites: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))
    allowed_networks: Mapped[list[str] | None] = mapped_column(ARRAY(String(43)))
    expires_at: Mapped[datetime]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    previous_key_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    previous_key_until: Mapped[datetime | None]
    older_key_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    older_key_until: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str | None] = mapped_column(String(64))


class ApiKeySite(Base):
    """One of the `sites` of a key, written by a trigger.

    A request reads the list with its key; only a row can keep its site from being deleted.
    """

    __tablename__ = "api_key_sites"

    key_id: Mapped[UUID] = mapped_column(
        ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True
    )
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), primary_key=True, index=True)
