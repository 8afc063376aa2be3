"""The visitor management backend."""

from importlib.metadata import version
from zoneinfo import ZoneInfo, reset_tzpath

__version__ = version("vms")

# Every process imports this. Python prefers the machine's time zones to those of `tzdata`, and two
# machines of one installation could then disagree about when a visit begins.
reset_tzpath(to=())
ZoneInfo.clear_cache()
