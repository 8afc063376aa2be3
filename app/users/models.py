"""Accounts of people."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models import Entity, words


class Role(StrEnum):
    """What a person may do, from most to least."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    HOST = "host"


class User(Entity):
    """A person who signs in. `email_key` is what makes two spellings of one address equal.

    One that `awaits_verification` has registered by itself and is not active yet: the mailed link
    makes it so.
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


def full_name(first_name: str, last_name: str) -> str:
    """Both names as one; either may be empty."""
    return f"{first_name} {last_name}".strip()
