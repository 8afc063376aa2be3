"""Other requests while six users sign in: bcrypt must not block the loop."""

import asyncio
from itertools import repeat, takewhile

from bench.installation import EMAIL, PASSWORD
from bench.load import get, post
from bench.run import Bench

LOGINS = 6  # per network; more would be refused
OTHERS_PER_SECOND = 50


async def measure(bench: Bench) -> None:
    over = asyncio.Event()
    login = post("/api/auth/login/", {"email": EMAIL, "password": PASSWORD}, {})
    logins = takewhile(lambda _: not over.is_set(), repeat(login))
    signing_in = asyncio.create_task(bench.drive("logins", logins, connections=LOGINS))
    me = get("/api/auth/me/", bench.admin)
    others = [me] * max(1, int(OTHERS_PER_SECOND * bench.scale.seconds))
    await bench.drive("beside logins", others, per_second=OTHERS_PER_SECOND)
    over.set()
    await signing_in
