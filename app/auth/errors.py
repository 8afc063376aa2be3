"""Errors of sign-in, second factors, registration and mailed links."""

from pydantic import BaseModel, Field

from app.auth.factor_models import FactorMethod
from app.core.errors import Conflict, Forbidden, NotAuthenticated, Problem


class InvalidCredentials(NotAuthenticated):
    code, title = "invalid_credentials", "Wrong e-mail address or password"

    class Members(BaseModel):
        directory_required: bool = Field(
            False, description="Sent if passwords sign nobody in: use the company's directory"
        )


class TokenReused(NotAuthenticated):
    code, title = "token_reused", "This refresh token was already used; its session has ended"


class InvalidRefreshToken(NotAuthenticated):
    code, title = "invalid_token", "The token is invalid or has expired"


class ReauthenticationRequired(Forbidden):
    code, title = "reauthentication_required", "Confirm the sign-in first: POST /api/auth/confirm/"


class SecondFactorRequired(NotAuthenticated):
    """A sign-in that is right so far: `login/second-factor/` completes it with the ticket."""

    code, title = "second_factor_required", "A second factor is required"

    class Members(BaseModel):
        ticket: str = Field(
            description="Valid for 5 minutes",
            examples=["Zk1vQ2x5dGhlIGxpbmsgb2YgdGhlIG1haWwgaGFzIGl0"],
        )
        methods: list[FactorMethod] = Field(examples=[["totp", "recovery_code"]])


class InvalidTicket(NotAuthenticated):
    code, title = "invalid_ticket", "The ticket is invalid, used or has expired: sign in again"


class InvalidCode(NotAuthenticated):
    code, title = "invalid_code", "The code or passkey is not accepted"


class SecondFactorMissing(Forbidden):
    code, title = "second_factor_missing", "Your role needs a second factor: set one up first"


class EnrolmentNotStarted(Conflict):
    code, title = "enrolment_not_started", "There is no app to confirm: start again"


class NoSecondFactor(Conflict):
    code, title = "no_second_factor", "Recovery codes need a second factor"


class PasskeyKnown(Conflict):
    code, title = "passkey_known", "This passkey is already registered"


class TooManyPasskeys(Conflict):
    code, title = "too_many_passkeys", "An account can have 20 passkeys"


class PasskeysNotOffered(Forbidden):
    code, title = "passkeys_not_offered", "Passkeys are not offered at this address"


class InvalidLink(Problem):
    """422, not 401: links are opened without a session."""

    status, code, title = 422, "invalid_link", "The link is invalid or has expired"


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", "Registration is closed; ask staff for an account"


class DomainNotAllowed(Forbidden):
    code, title = "domain_not_allowed", "Addresses of this domain cannot register"
