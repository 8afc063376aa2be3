"""Errors of devices."""

from app.core.errors import UnknownReference


class UnknownDeviceSite(UnknownReference):
    """The site of a device does not exist."""

    refers_in, message = "site", "This site does not exist"
