"""Errors of devices."""

from app.core.errors import UnknownReference


class UnknownDeviceSite(UnknownReference):
    """The device's site does not exist."""

    refers_in, message = "site", "This site does not exist"
