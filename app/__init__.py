"""The visitor management backend."""

from importlib.metadata import version
from zoneinfo import ZoneInfo, reset_tzpath

__version__ = version("vms")

# Every process passes here. Python would take the zones of the machine before those of `tzdata`,
# and two machines of one installation would then disagree about when a visit begins.
reset_tzpath(to=())
ZoneInfo.clear_cache()
