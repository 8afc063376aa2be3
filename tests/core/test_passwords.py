"""Password hashes, and the end of those whose caller has left."""

import asyncio
from threading import Semaphore

import pytest

from app.core.security.passwords import CONCURRENT, PasswordHasher


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Semaphore]:
    """Return what is being verified; each is to be released once."""
    begun: list[str] = []
    go_on = Semaphore(0)

    def verify(self: PasswordHasher, password: str, hashed: str) -> bool:
        begun.append(password)
        go_on.acquire()
        return True

    monkeypatch.setattr(PasswordHasher, "_verify", verify)
    return begun, go_on


async def check(hasher: PasswordHasher, password: str) -> bool:
    async with hasher.turn(known=True) as verify:
        return await verify(password, "a hash")


async def both_begun(begun: list[str]) -> None:
    while len(begun) < CONCURRENT:  # noqa: ASYNC110 - it is threads that begin
        await asyncio.sleep(0.001)


async def test_who_is_cancelled_before_their_turn_is_not_hashed(
    held: tuple[list[str], Semaphore],
):
    begun, go_on = held
    hasher = PasswordHasher(4)
    checks = [asyncio.create_task(check(hasher, f"{n}")) for n in range(CONCURRENT + 2)]
    await both_begun(begun)
    checks[CONCURRENT].cancel()
    go_on.release(CONCURRENT + 1)
    await asyncio.wait(checks)
    assert sorted(begun) == ["0", "1", "3"]


async def test_a_turn_ends_with_its_work_and_not_with_its_caller(
    held: tuple[list[str], Semaphore],
):
    begun, go_on = held
    hasher = PasswordHasher(4)
    checks = [asyncio.create_task(check(hasher, f"{n}")) for n in range(CONCURRENT + 1)]
    await both_begun(begun)
    checks[0].cancel()
    await asyncio.sleep(0)
    assert len(hasher.turns.waiting) == 1
    go_on.release(CONCURRENT + 1)
    await asyncio.wait(checks)
    assert checks[0].cancelled()
    assert checks[CONCURRENT].result()
