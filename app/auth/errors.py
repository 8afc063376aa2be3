"""What can go wrong with accounts: signing in, registering, mailed links."""

from app.core.errors import Forbidden, NotAuthenticated, Problem


class InvalidCredentials(NotAuthenticated):
    code, title = "invalid_credentials", "E-mail address or password is wrong"


class TokenReused(NotAuthenticated):
    code, title = "token_reused", "This refresh token was used before: its session is ended"


class InvalidRefreshToken(NotAuthenticated):
    code, title = "invalid_token", "This token is not valid, or not any more"


class ReauthenticationRequired(Forbidden):
    code, title = "reauthentication_required", "Show your password again: POST /api/auth/confirm/"


class InvalidLink(Problem):
    """422 and not 401: whoever opens a link has no session that could have ended."""

    status, code, title = 422, "invalid_link", "This link is not valid, or not any more"


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", "Accounts are made by the front desk here"


class DomainNotAllowed(Forbidden):
    code, title = "domain_not_allowed", "Addresses of this domain can't register here"
