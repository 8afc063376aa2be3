"""Errors of sign-in, registration and mailed links."""

from app.core.errors import Forbidden, NotAuthenticated, Problem


class InvalidCredentials(NotAuthenticated):
    code, title = "invalid_credentials", "Wrong e-mail address or password"


class TokenReused(NotAuthenticated):
    code, title = "token_reused", "This refresh token was already used; its session has ended"


class InvalidRefreshToken(NotAuthenticated):
    code, title = "invalid_token", "The token is invalid or has expired"


class ReauthenticationRequired(Forbidden):
    code, title = "reauthentication_required", "Confirm the password first: POST /api/auth/confirm/"


class InvalidLink(Problem):
    """422, not 401: links are opened without a session."""

    status, code, title = 422, "invalid_link", "The link is invalid or has expired"


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", "Registration is closed; ask staff for an account"


class DomainNotAllowed(Forbidden):
    code, title = "domain_not_allowed", "Addresses of this domain cannot register"
