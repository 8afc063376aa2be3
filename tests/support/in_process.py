"""Requests to the application of this process, without a connection."""

import asyncio

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class InProcess(httpx.ASGITransport):
    """Hangs up after the first part of a stream, since it returns whole responses."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(
            _hanging_up(self.app),
            raise_app_exceptions=self.raise_app_exceptions,
            root_path=self.root_path,
            client=self.client,
        )
        return await transport.handle_async_request(request)


def _hanging_up(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_stream, gone = False, asyncio.Event()

        async def send_first(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                is_stream = headers.get(b"content-type", b"").startswith(b"text/event-stream")
            elif is_stream:
                gone.set()
            await send(message)

        async def receive_or_go() -> Message:
            hearing = asyncio.ensure_future(receive())
            going = asyncio.ensure_future(gone.wait())
            try:
                await asyncio.wait({hearing, going}, return_when=asyncio.FIRST_COMPLETED)
                return hearing.result() if hearing.done() else {"type": "http.disconnect"}
            finally:
                going.cancel()
                hearing.cancel()

        await app(scope, receive_or_go, send_first)
        if gone.is_set():
            await send({"type": "http.response.body", "body": b""})

    return answer
