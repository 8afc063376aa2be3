"""Responses of the stream."""

from pydantic import BaseModel, Field


class StreamTicket(BaseModel):
    """A ticket for `GET /api/events/stream/`."""

    ticket: str = Field(
        description="Good for 30 seconds and one stream",
        examples=["Zk1vQ2x5dGhlIGxpbmsgb2YgdGhlIG1haWwgaGFzIGl0"],
    )
