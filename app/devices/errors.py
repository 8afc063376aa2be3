"""Errors of devices."""

from app.core.errors import UnknownReference


class UnknownDeviceSite(UnknownReference):
    refers_in, message = "site", "This site does not exist"
