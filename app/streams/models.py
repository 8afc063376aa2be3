"""Tickets of the stream."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity


class StreamTicket(Entity):
    """The hash of a ticket that opens the stream once, for the user of a session.

    Browsers send no header when they open a stream, and a token must not stand in an address.
    """

    __tablename__ = "stream_tickets"

    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth_sessions.id", ondelete="CASCADE"), index=True
    )
    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
