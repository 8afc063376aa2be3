"""Accounts of people."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words


class Role(StrEnum):
    """What a person may do, from most to least."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    HOST = "host"


class User(Entity):
    """A person who signs in. `email_key` is what makes two spellings of one address equal.

    One that `awaits_verification` was asked for by somebody who need not own the address: it is not
    active and has no password until the mailed link is used, and its names are shown to nobody.
    """

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    first_name: Mapped[str] = mapped_column(String(200))
    last_name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(words(Role))
    password_hash: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    awaits_verification: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]

    @property
    def name(self) -> str:
        """First and last name, as it is shown to visitors."""
        return full_name(self.first_name, self.last_name)

    @property
    def known_first_name(self) -> str:
        """The first name, once the owner of the address can have chosen it; else empty."""
        return "" if self.awaits_verification else self.first_name

    @property
    def known_last_name(self) -> str:
        """The last name, likewise."""
        return "" if self.awaits_verification else self.last_name


def full_name(first_name: str, last_name: str) -> str:
    """Both names as one; either may be empty."""
    return f"{first_name} {last_name}".strip()
