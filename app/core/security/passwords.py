"""Password hashes: bcrypt over SHA-256, so that every character counts.

Hashing is queued in threads, since a flood of requests would exhaust it first.
"""

import asyncio
import os
import sys
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import get_native_id
from typing import Any, TypeVar, TypeVarTuple

from passlib.hash import bcrypt_sha256

from app.core.request_context import client_network
from app.core.security.turns import Standing, Turns

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_LENGTH = 128
# The hash of an account without a password; no known password matches it.
NO_PASSWORD = f"$bcrypt-sha256$v=2,t=2b,r=12${'.' * 22}${'.' * 31}"
# More at once would starve other requests.
CONCURRENT = 2
# Reserved for callers that are signed in or known from their network.
FOR_KNOWN = 1
NICE = 10
# Per process.
WAITING_OF_A_NETWORK, WAITING = 4, 32
Verify = Callable[[str, str | None], Awaitable[bool]]


def normalized(password: str) -> str:
    """Return the NFKC form, the same on all keyboards (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _lower_priority() -> None:
    """Lower the priority of this thread."""
    if sys.platform == "linux":  # elsewhere it affects the process
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)


class PasswordHasher:
    """Hashes and verifies passwords; unknown accounts take as long as wrong passwords."""

    def __init__(self, rounds: int = 12) -> None:
        # passlib creates classes at run time
        self._scheme: Any = bcrypt_sha256.using(rounds=rounds)  # type: ignore[no-untyped-call]
        self._dummy: str | None = None
        self._known = ThreadPoolExecutor(CONCURRENT, "passwords")
        self._strangers = ThreadPoolExecutor(
            CONCURRENT - FOR_KNOWN, "passwords of strangers", _lower_priority
        )
        self.turns = Turns(
            CONCURRENT, for_known=FOR_KNOWN, of_network=WAITING_OF_A_NETWORK, in_all=WAITING
        )

    @asynccontextmanager
    async def turn(self, *, known: bool, failures: int = 0) -> AsyncIterator[Verify]:
        """Wait for a turn to verify; raise `Unavailable` if the queue is too long.

        `known` callers are signed in or known from this network; `failures` are the network's.
        """
        async with self.turns.turn(Standing(client_network(), known, failures)):

            async def verify(password: str, hashed: str | None) -> bool:
                return await self._off_loop(known, self.verify_now, password, hashed)

            yield verify

    def require_room(self, *, known: bool) -> None:
        """Raise `Unavailable` if the queue is full for this caller."""
        self.turns.require_room(Standing(client_network(), known))

    async def hash(self, password: str, *, known: bool) -> str:
        """Return the hash of a password, after a turn of its own."""
        async with self.turn(known=known):
            return await self._off_loop(known, self.hash_now, password)

    def hash_now(self, password: str) -> str:
        return str(self._scheme.hash(normalized(password)))

    def is_outdated(self, hashed: str) -> bool:
        return bool(self._scheme.needs_update(hashed))

    def verify_now(self, password: str, hashed: str | None) -> bool:
        """Return whether the password matches; without a hash, fail after the same work."""
        if hashed is None:
            self._verify(password, self._dummy_hash())
            return False
        return self._verify(password, hashed)

    def _verify(self, password: str, hashed: str) -> bool:
        text = normalized(password)
        return len(text) <= MAX_LENGTH and bool(self._scheme.verify(text, hashed))

    def _dummy_hash(self) -> str:
        if self._dummy is None:
            self._dummy = self.hash_now("nobody has this password")
        return self._dummy

    async def _off_loop(self, known: bool, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run the function in a thread, to its end even if the caller is cancelled."""
        threads = self._known if known else self._strangers
        work = asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        try:
            return await asyncio.shield(work)
        finally:
            if not work.done():
                await asyncio.wait({work})
