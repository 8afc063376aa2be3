"""Time zone data that differs from the package's."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from app.core.localtime import instant_of, zone_of

MOVED = "America/Vancouver"
THERE = "Asia/Tokyo"


def moved(folder: Path) -> Path:
    """Return a zone database in which Vancouver is in Tokyo."""
    tokyo = resources.files("tzdata").joinpath("zoneinfo", THERE).read_bytes()
    file = folder / MOVED
    file.parent.mkdir()
    file.write_bytes(tokyo)
    return folder


@contextmanager
def reckoned_with(folder: Path) -> Iterator[None]:
    """Make this process use the zones of a folder."""
    zoneinfo.reset_tzpath(to=[folder])
    _forget()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(to=())
        _forget()


def _forget() -> None:
    zone_of.cache_clear()
    instant_of.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
