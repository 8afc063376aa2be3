"""Password hashes: bcrypt over SHA-256, so that every character counts, off the event loop."""

import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

import anyio
from anyio import to_thread
from passlib.hash import bcrypt_sha256

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_LENGTH = 128
# Of an account whose owner has not chosen a password yet: well-formed, and the hash of nothing that
# anybody could find.
NO_PASSWORD = f"$bcrypt-sha256$v=2,t=2b,r=12${'.' * 22}${'.' * 31}"
# bcrypt is CPU work: more at once than this would only starve the other requests.
CONCURRENT = 2


def normalized(password: str) -> str:
    """The form that is hashed: NFKC, so that one password typed on two keyboards stays one.

    NIST SP 800-63B-4, section 3.1.1.2.
    """
    return unicodedata.normalize("NFKC", password)


class PasswordHasher:
    """Hashes and verifies; an unknown account costs the same time as a wrong password."""

    def __init__(self, rounds: int = 12) -> None:
        # passlib makes its classes at run time: nothing knows their types
        self._scheme: Any = bcrypt_sha256.using(rounds=rounds)  # type: ignore[no-untyped-call]
        self._dummy: str | None = None
        self._limiter: anyio.CapacityLimiter | None = None

    async def hash(self, password: str) -> str:
        return await self._off_loop(self.hash_now, password)

    def hash_now(self, password: str) -> str:
        return str(self._scheme.hash(normalized(password)))

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash has another cost than new ones."""
        return bool(self._scheme.needs_update(hashed))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits. With no hash it fails after the same work."""
        if hashed is None:
            await self._off_loop(self._verify_nobody, password)
            return False
        return await self._off_loop(self._verify, password, hashed)

    def _verify(self, password: str, hashed: str) -> bool:
        text = normalized(password)
        return len(text) <= MAX_LENGTH and bool(self._scheme.verify(text, hashed))

    def _verify_nobody(self, password: str) -> None:
        if self._dummy is None:
            self._dummy = self.hash_now("nobody has this password")
        self._verify(password, self._dummy)

    async def _off_loop(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        if self._limiter is None:  # a limiter belongs to the event loop that it is made in
            self._limiter = anyio.CapacityLimiter(CONCURRENT)
        return await to_thread.run_sync(function, *arguments, limiter=self._limiter)
