from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity
from app.core.db.personal import personal


class Group(Entity):
    """Visitors who come to one site together.

    It is deleted with its last visitor; its name is erased with the data of its last visitor.
    """

    __tablename__ = "groups"
    __table_args__ = (
        Index("ix_groups_created_at_id", "created_at", "id"),
        Index("ix_groups_site_id_created_at_id", "site_id", "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(String(200), info=personal("Anonymised group"))
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    created_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
