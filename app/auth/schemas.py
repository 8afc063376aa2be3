"""Bodies of sign-in requests and answers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.text import Email, RequiredLine
from app.users.schemas import NewPassword, Profile

# Longer than any password that can be set, so that a wrong one is a 401 and a megabyte is a 422.
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
GivenToken = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Credentials(BaseModel):
    """Credentials; `username` is accepted for `email`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"email": "admin@ifactory.com", "password": "admin123"},
        },
    )

    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: GivenPassword

    @model_validator(mode="before")
    @classmethod
    def _username_is_email(cls, data: Any) -> Any:
        if isinstance(data, dict) and "username" in data and "email" not in data:
            return {"email" if key == "username" else key: value for key, value in data.items()}
        return data


class SignIn(BaseModel):
    """A pair of tokens; `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int = Field(examples=[900])
    user: Profile


class OAuthToken(BaseModel):
    """The same in the words of OAuth 2 (RFC 6749, section 5.1)."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int = Field(examples=[900])


class RefreshToken(BaseModel):
    """A refresh token."""

    model_config = ConfigDict(extra="forbid")

    refresh: GivenToken


class RefreshedTokens(BaseModel):
    """The next pair of tokens."""

    access: str
    refresh: str


class ProfileUpdate(BaseModel):
    """What people may change of their own account."""

    model_config = ConfigDict(extra="forbid")

    first_name: RequiredLine | None = None
    last_name: RequiredLine | None = None


class UserRegistration(BaseModel):
    """An account of one's own. The role is always `host`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "email": "ada@example.com",
                "password": "analytical engine",
                "first_name": "Ada",
                "last_name": "Lovelace",
            }
        },
    )

    email: Email
    password: NewPassword
    first_name: RequiredLine
    last_name: RequiredLine


class EmailVerification(BaseModel):
    """The token of the link that was mailed."""

    model_config = ConfigDict(extra="forbid")

    token: GivenToken


class PasswordChange(BaseModel):
    """The present password and the next."""

    model_config = ConfigDict(extra="forbid")

    old_password: GivenPassword
    new_password: NewPassword


class ForgottenPassword(BaseModel):
    """Where the link is to be mailed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"email": "ada@example.com"}},
    )

    email: Email


class PasswordReset(BaseModel):
    """The token of the link that was mailed, and the next password."""

    model_config = ConfigDict(extra="forbid")

    token: GivenToken
    new_password: NewPassword
