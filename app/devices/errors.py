"""Errors of devices."""

from app.core.errors import UnknownReference


class UnknownSite(UnknownReference):
    """The site of a device, a visit or a report does not exist."""

    refers_in, message = "site", "This site does not exist"
