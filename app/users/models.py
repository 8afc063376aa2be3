"""User accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Base, Entity, words
from app.users.roles import Role

__all__ = ["Role", "User", "UserSite", "full_name"]


# The words of name and address, for a search of hosts while somebody types.
SEARCH = "array_to_tsvector(search_words(first_name, email, last_name, NULL))"


class User(Entity):
    """A user; `email_key` is equal for all spellings of an address.

    An account that `awaits_verification` is inactive, and its names are hidden: anyone may have
    requested it.

    `sites` limits the account to some sites; null is no limit.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("cardinality(sites) > 0", name="sites"),
        Index("ix_users_search", text(SEARCH), postgresql_using="gin"),
    )

    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    first_name: Mapped[str] = mapped_column(String(200))
    last_name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(32))
    role: Mapped[Role] = mapped_column(words(Role))
    password_hash: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    awaits_verification: Mapped[bool] = mapped_column(default=False)
    sites: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))
    # Whether role and sites follow the groups of the directory; staff who set them end that.
    role_from_directory: Mapped[bool] = mapped_column(default=False, server_default=false())
    updated_at: Mapped[datetime]

    @property
    def name(self) -> str:
        return full_name(self.first_name, self.last_name)

    @property
    def known_first_name(self) -> str:
        """Return the first name, empty before the address is verified."""
        return "" if self.awaits_verification else self.first_name

    @property
    def known_last_name(self) -> str:
        """Return the last name, empty before the address is verified."""
        return "" if self.awaits_verification else self.last_name


class Delegate(Entity):
    """An account that acts for a host: it sees and changes the host's visits."""

    __tablename__ = "delegates"
    __table_args__ = (UniqueConstraint("host_id", "delegate_id"),)

    host_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    delegate_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )


class UserSite(Base):
    """One of the `sites` of an account, written by a trigger.

    A request reads the list with its account; only a row can keep its site from being deleted.
    """

    __tablename__ = "user_sites"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), primary_key=True, index=True)


def full_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()
