"""What is posted to whom, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from app.webhooks.addresses import Network
from app.webhooks.client import Answer, Poster, Unanswered
from tests.webhooks.receivers import MEGABYTE, OK, Receiver, a_gigabyte, answering, drip, hang

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@asynccontextmanager
async def posting(opened: list[Network] | None = None, **options: Any) -> AsyncIterator[Poster]:
    poster = Poster(opened, **options)
    try:
        yield poster
    finally:
        await poster.close()


async def refused(poster: Poster, url: str) -> str:
    with pytest.raises(Unanswered) as reason:
        await poster.post(url, {}, b"{}")
    return str(reason.value)


async def test_messages_share_a_connection():
    async with Receiver().running() as receiver, posting() as poster:
        for _ in range(3):
            assert await poster.post(receiver.url, {"X-A": "b"}, b"{}") == Answer(200, None)
        assert (len(receiver.messages), receiver.connections) == (3, 1)
        message = receiver.messages[0]
        assert (message.headers["x-a"], message.body) == ("b", "{}")
        assert message.headers["host"] == f"127.0.0.1:{receiver.port}"


async def test_a_connection_that_was_closed_is_replaced():
    async def once(reader, writer):
        writer.write(OK)  # and closes, which its answer does not say
        await writer.drain()

    async with Receiver(once).running() as receiver, posting() as poster:
        for _ in range(3):
            assert (await poster.post(receiver.url, {}, b"{}")).status == 200
        assert receiver.connections == 3


async def test_inside_nobody_is_connected_to():
    """Whether the address is written out, is that of a name, or is one of several of a name."""

    async def mixed(host, port):
        return ["9.9.9.9", "127.0.0.1"]

    async with Receiver().running() as receiver:
        port = receiver.port
        async with posting([]) as poster, posting([], resolve=mixed) as mixing:
            for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "localhost"):
                assert await refused(poster, f"http://{host}:{port}/") == (
                    "The address is not allowed"
                )
            assert await refused(mixing, f"http://a.example:{port}/") == (
                "The address is not allowed"
            )
        assert receiver.connections == 0
        async with posting(LOOPBACK) as poster:
            assert (await poster.post(f"http://localhost:{port}/", {}, b"{}")).status == 200


async def test_an_address_that_changes_after_the_check_is_not_used():
    """The connection is made to the address that was checked: a name is looked up once."""
    asked = []

    async def changing(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with Receiver().running() as receiver, posting(LOOPBACK, resolve=changing) as poster:
        url = f"http://rebinding.example:{receiver.port}/"
        assert (await poster.post(url, {}, b"{}")).status == 200
        assert asked == ["rebinding.example"]
    async with posting(LOOPBACK, resolve=changing) as poster:
        assert await refused(poster, url) == "The address is not allowed"


async def test_redirects_are_not_followed():
    async with Receiver().running() as inside:
        moved = Receiver(answering(307, Location=inside.url))
        async with moved.running(), posting() as poster:
            assert (await poster.post(moved.url, {}, b"{}")).status == 307
        assert inside.connections == 0


async def test_a_gigabyte_is_not_read():
    """The connection ends long before: the server notices."""
    sent = asyncio.get_running_loop().create_future()

    async def counted(reader, writer):
        sent.set_result(await a_gigabyte(reader, writer))

    async with Receiver(counted).running() as receiver, posting() as poster:
        assert (await poster.post(receiver.url, {}, b"{}")).status == 200
        assert await sent < 64 * MEGABYTE


@pytest.mark.parametrize("answer", [hang, drip])
async def test_one_that_does_not_end_is_given_up(answer):
    async with Receiver(answer).running() as receiver, posting(seconds=0.2) as poster:
        assert await refused(poster, receiver.url) == "No answer within 0.2 seconds"


async def test_what_is_no_http_is_an_error():
    async with Receiver(b"SSH-2.0-OpenSSH\r\n\r\n").running() as receiver, posting() as poster:
        assert await refused(poster, receiver.url) == "The answer is not HTTP"


async def test_a_name_that_hangs_delays_no_other():
    async def resolve(host, port):
        if host == "slow.example":
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    async with Receiver().running() as receiver, posting(resolve=resolve, seconds=0.5) as poster:
        slow = asyncio.create_task(refused(poster, f"http://slow.example:{receiver.port}/"))
        assert (await poster.post(f"http://b.example:{receiver.port}/", {}, b"{}")).status == 200
        assert await slow == "No answer within 0.5 seconds"


async def test_an_unknown_name_is_an_error():
    async with posting() as poster:
        assert await refused(poster, "http://nobody.invalid/") == "The name could not be resolved"
        assert await refused(poster, "http://a..b/") == "The name could not be resolved"


async def test_the_wish_of_a_receiver_is_told():
    async with (
        Receiver(answering(503, Retry_After="120")).running() as receiver,
        posting() as poster,
    ):
        assert await poster.post(receiver.url, {}, b"{}") == Answer(503, "120")
