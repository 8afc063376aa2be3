"""Zones that differ from those of the package, as a machine may have them."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from app.core.localtime import instant_of, zone_of

MOVED = "America/Vancouver"
THERE = "Asia/Tokyo"


def moved(folder: Path) -> Path:
    """Return a zone database in which Vancouver lies in Tokyo."""
    tokyo = resources.files("tzdata").joinpath("zoneinfo", THERE).read_bytes()
    file = folder / MOVED
    file.parent.mkdir()
    file.write_bytes(tokyo)
    return folder


@contextmanager
def reckoned_with(folder: Path) -> Iterator[None]:
    """Have this process take its zones from there, as if the package were of another year."""
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
