"""Errors of sign-in by directory."""

from enum import StrEnum

from app.core.errors import Forbidden, Invalid, NotAuthenticated, Unavailable


class DirectoryFault(StrEnum):
    """Why a sign-in by directory failed, as the page is told."""

    STATE_INVALID = "state_invalid"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a verdict, not a token
    EMAIL_UNVERIFIED = "email_unverified"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    ACCOUNT_DISABLED = "account_disabled"
    ALREADY_LINKED = "already_linked"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_UNAVAILABLE = "provider_unavailable"


class DirectoryRefused(Exception):  # noqa: N818 - a verdict
    """A sign-in by directory that failed after it came back."""

    def __init__(self, fault: DirectoryFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class InvalidReturnTo(Invalid):
    code, title = "invalid_return_to", "`return_to` is not a path of the front end"

    def __init__(self) -> None:
        message = (
            "Must begin with one / and have no characters but those of a URL, without # and \\"
        )
        fault = {"field": "return_to", "code": self.code, "message": message}
        super().__init__(message, errors=[fault])


class InvalidDirectoryCode(NotAuthenticated):
    code, title = "invalid_code", "The code does not fit, was used, or has expired: sign in again"


class DirectoryUnavailable(Unavailable):
    code, title = "provider_unavailable", "The company's directory does not answer"


class ConfirmedElsewhere(Forbidden):
    code = "not_by_directory"
    title = "This account confirms by its second factor or password: POST /api/auth/confirm/"
