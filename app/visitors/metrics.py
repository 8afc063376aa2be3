from enum import StrEnum

from prometheus_client import Counter

from app.auth.caller import Caller, CallerRole


class Channel(StrEnum):
    """How a visitor was registered."""

    DESK = "desk"  # by a signed-in user
    KEY = "key"  # by a program
    KIOSK = "kiosk"
    ANONYMOUS = "anonymous"
    BULK = "bulk"


_bookings = Counter("vms_bookings", "Visitors registered", ["channel"])
BOOKINGS = {channel: _bookings.labels(channel) for channel in Channel}
_BY_OTHERS = {
    CallerRole.KEY: Channel.KEY,
    CallerRole.KIOSK: Channel.KIOSK,
    CallerRole.ANONYMOUS: Channel.ANONYMOUS,
}


def bookings_of(caller: Caller) -> Counter:
    return BOOKINGS[_BY_OTHERS.get(caller.role, Channel.DESK)]
