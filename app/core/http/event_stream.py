"""Server-Sent Events (HTML standard, section 9.2)."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from app.core.http.middleware import EVENT_STREAM

# Ignored by clients; keeps proxies from closing an idle connection.
COMMENT = b": still there\n\n"
# A client that takes nothing for this long is gone, or will be: it reconnects and continues.
TAKEN_SECONDS = 10.0
NUMBER = re.compile(r"[0-9]{1,18}")


def frame(event: str, data: str, *, number: int | None = None) -> bytes:
    """Encode an event whose `data` is one line."""
    id_ = "" if number is None else f"id: {number}\n"
    return f"{id_}event: {event}\ndata: {data}\n\n".encode()


def last_number(last_event_id: str | None) -> int | None:
    """Return the number in `Last-Event-ID`, or None.

    A refusal would end the client's attempts for good: browsers repeat only what was a 200.
    """
    given = (last_event_id or "").strip()
    return int(given) if NUMBER.fullmatch(given) else None


class EventStream(StreamingResponse):
    """A response that stays open, for parts that are whole events."""

    media_type = EVENT_STREAM

    def __init__(self, parts: AsyncGenerator[bytes, None]) -> None:
        self._parts = parts
        # nginx would otherwise hold events back until a buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(parts, headers=headers)

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(TAKEN_SECONDS):
                await send(message)

        async with aclosing(self._parts):  # at once, also where the client is gone
            with suppress(TimeoutError):
                await super().stream_response(send_in_time)
