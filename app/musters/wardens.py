"""Wardens without an account, who have a link. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.musters.models import Muster, MusterLink

LIVES_FOR = timedelta(hours=24)
LIVES_ON_FOR = timedelta(hours=1)
"""After the end."""


@dataclass(frozen=True, slots=True)
class Warden:
    """Somebody with a link, who acts under its name."""

    link: MusterLink
    muster: Muster
    role: str = "warden"

    @property
    def id(self) -> UUID:
        return self.link.id

    @property
    def name(self) -> str:
        return self.link.name


def links_work(muster: Muster, now: datetime) -> bool:
    """Return whether the links of a muster work; those of one that is reopened do again."""
    is_over = muster.ended_at is not None and now >= muster.ended_at + LIVES_ON_FOR
    return not is_over and now < muster.started_at + LIVES_FOR
