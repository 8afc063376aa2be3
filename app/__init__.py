"""The visitor management backend."""

from importlib.metadata import version
from zoneinfo import ZoneInfo, reset_tzpath

__version__ = version("vms")

# Python prefers the machine's time zones to `tzdata`, so two machines could disagree about a visit.
reset_tzpath(to=())
ZoneInfo.clear_cache()
