"""What always holds of stays, whatever happens at the door."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from app.core.db.database import Database, ReadSession
from app.visitors.models import Presence, Visitor
from app.visitors.stay_models import OutMethod, Stay


async def all_stays(database: Database) -> list[Stay]:
    async with database.read() as session:
        return list(await session.scalars(select(Stay).order_by(Stay.in_at, Stay.id)))


async def ways(database: Database) -> list[tuple[str, str | None]]:
    """Return how visitors came and went, oldest first."""
    return [(stay.in_method, stay.out_method) for stay in await all_stays(database)]


async def assert_presence_follows_stays(database: Database) -> None:
    async with database.read() as session:
        await presence_follows_stays(session)


async def presence_follows_stays(session: ReadSession) -> None:
    """Assert that stays never overlap, and say the same as their visitor."""
    stays: dict[Any, list[Stay]] = defaultdict(list)
    for stay in await session.scalars(select(Stay).order_by(Stay.in_at, Stay.out_at, Stay.id)):
        stays[stay.visitor_id].append(stay)
    for visitor in await session.scalars(select(Visitor)):
        _assert_agreement(visitor, stays[visitor.id])


def _assert_agreement(visitor: Visitor, stays: list[Stay]) -> None:
    for earlier, later in pairwise(stays):
        assert earlier.out_at is not None
        assert earlier.in_at <= earlier.out_at <= later.in_at
    came = visitor.presence in {Presence.INSIDE, Presence.AWAY, Presence.LEFT}
    assert bool(stays) is came
    assert visitor.is_away is (visitor.presence is Presence.AWAY)
    if stays:
        first, last = stays[0], stays[-1]
        assert (visitor.presence is Presence.INSIDE) is (last.out_at is None)
        assert (visitor.checked_in_at, visitor.checked_in_gate) == (first.in_at, first.in_gate)
        assert visitor.checked_out_at == last.out_at
        assert visitor.checked_out_automatically is (last.out_method is OutMethod.AUTOMATIC)
        assert all(stay.site_id == visitor.site_id for stay in stays)
