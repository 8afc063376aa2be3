"""Departments that visitors come to see."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity


class Department(Entity):
    """A department; its name is unique regardless of case."""

    __tablename__ = "departments"
    __table_args__ = (Index("uq_departments_lower_name", text("lower(name)"), unique=True),)

    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(String(2000), default="")
    updated_at: Mapped[datetime]
