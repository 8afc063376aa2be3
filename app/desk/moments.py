"""The bounds of what a desk shows at an instant, in local times of its site. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.core.localtime import local_now
from app.devices.service import SILENT_FOR
from app.sites.models import Site

MAILS_FAILED_WITHIN = timedelta(days=7)
CONFLICTS_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant at a site; `day` is the date that is counted."""

    site: Site
    now: datetime
    day: date
    is_emergency: bool

    @property
    def today(self) -> date:
        return local_now(self.now, self.site.timezone).date()

    def bounds(self) -> dict[str, Any]:
        """Return the parameters of the cards: rows a little outside are left out afterwards."""
        late = self._local(-timedelta(minutes=self.site.late_arrival_minutes))
        early = self._local(timedelta(minutes=self.site.early_arrival_minutes))
        return {
            "site": self.site.id,
            "today": self.today,
            "first_day": min(late.date(), self.today),
            "last_day": early.date(),
            "late_day": late.date(),
            "late_time": late.time(),
            "last_time": early.time(),
        }

    def attention(self) -> dict[str, Any]:
        """Return the parameters of the figures and of what needs attention."""
        return {
            "site": self.site.id,
            "day": self.day,
            "failed_since": self.now - MAILS_FAILED_WITHIN,
            "conflicts_since": self.now - CONFLICTS_WITHIN,
            "silent_since": self.now - SILENT_FOR,
        }

    def _local(self, later: timedelta) -> datetime:
        return local_now(self.now + later, self.site.timezone).replace(tzinfo=None)


def moment_at(site: Site, now: datetime, day: date | None, *, is_emergency: bool) -> Moment:
    """Return a moment; the day is today by default."""
    return Moment(site, now, day or local_now(now, site.timezone).date(), is_emergency)
