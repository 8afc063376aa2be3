"""Errors of devices."""

from app.core.errors import Invalid


class UnknownSite(Invalid):
    """422: the site does not exist."""

    def __init__(self) -> None:
        message = "This site does not exist"
        super().__init__(message, errors=[{"field": "site", "code": "unknown", "message": message}])
