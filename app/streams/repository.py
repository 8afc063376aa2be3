"""SQL of tickets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from app.auth.models import AuthSession
from app.core.db.repository import Repository
from app.streams.models import StreamTicket


class StreamTicketRepository(Repository[StreamTicket]):
    model = StreamTicket

    def store(self, hashed: bytes, session_id: UUID, now: datetime, *, until: datetime) -> None:
        self.add(
            StreamTicket(
                ticket_hash=hashed, session_id=session_id, created_at=now, expires_at=until
            )
        )

    async def use_up(self, hashed: bytes, now: datetime) -> tuple[UUID, UUID] | None:
        """Delete a ticket; return the ids of its session and user if it was valid.

        Of concurrent requests one sees that it was.
        """
        used = (
            delete(StreamTicket)
            .where(StreamTicket.ticket_hash == hashed, AuthSession.id == StreamTicket.session_id)
            .returning(StreamTicket.expires_at, StreamTicket.session_id, AuthSession.user_id)
        )
        found = (await self.unit.returning(used)).mappings().first()
        if found is None or found["expires_at"] <= now:
            return None
        return found["session_id"], found["user_id"]

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired tickets; return how many."""
        old = (
            select(StreamTicket.id)
            .where(StreamTicket.expires_at <= now)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return (
            await self.unit.write(delete(StreamTicket).where(StreamTicket.id.in_(old)))
        ).rowcount
