"""Why a device was not stored."""

from app.core.errors import Invalid


class UnknownSite(Invalid):
    """422: the request names a site that is not there."""

    def __init__(self) -> None:
        message = "There is no such site"
        super().__init__(message, errors=[{"field": "site", "code": "unknown", "message": message}])
