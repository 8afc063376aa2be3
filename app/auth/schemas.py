"""Bodies of sign-in requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.auth.models import AccountAction
from app.core.text import Email
from app.users.schemas import NewPassword, PersonName, Profile

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


class Confirmation(BaseModel):
    """One's own password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"password": "analytical engine"}}
    )

    password: GivenPassword


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

    first_name: PersonName | None = None
    last_name: PersonName | None = None


class UserRegistration(BaseModel):
    """An account of one's own. The role is always `host`.

    `password` is required with `REGISTRATION=open`, and refused with `REGISTRATION=domain`.
    """

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
    password: NewPassword | None = None
    first_name: PersonName
    last_name: PersonName


class EmailVerification(BaseModel):
    """The token of the link that was mailed."""

    model_config = ConfigDict(extra="forbid")

    token: GivenToken


class InvitationAcceptance(BaseModel):
    """The token of the link that was mailed, the password, and one's names.

    Names that are left out stay as they were given when the account was asked for or made.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "token": "Zk1vQ2x5dGhlIGxpbmsgb2YgdGhlIG1haWwgaGFzIGl0",
                "password": "analytical engine",
                "first_name": "Ada",
                "last_name": "Lovelace",
            }
        },
    )

    token: GivenToken
    password: NewPassword
    first_name: PersonName | None = None
    last_name: PersonName | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names that were given."""
        return self.model_dump(include={"first_name", "last_name"}, exclude_none=True)


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


class Session(BaseModel):
    """A sign-in that has not ended."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="When it was last refreshed")
    expires_at: datetime = Field(description="When it ends, unless it is refreshed before")
    client_address: str | None = Field(description="Where the sign-in came from")
    user_agent: str | None = Field(
        description="What browser or client said it was", examples=["Mozilla/5.0 (X11; Linux)"]
    )
    current: bool = Field(False, description="Whether it is the one that asks")


class AccountEvent(BaseModel):
    """One entry: what happened to an account, by whom, when, and from where.

    `account_id` is null where an address without an account was tried, `actor_id` where nobody has
    shown who they are. The addresses are those of now, null for accounts that are gone.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    action: AccountAction
    account_id: UUID | None
    account_email: str | None = Field(
        validation_alias=AliasPath("account", "email"), default=None, examples=["ada@example.com"]
    )
    actor_id: UUID | None
    actor_email: str | None = Field(
        validation_alias=AliasPath("actor", "email"), default=None, examples=["ada@example.com"]
    )
    client_address: str | None
    request_id: str
    details: dict[str, Any]


class AccountEventQuery(BaseModel):
    """What the audit log is narrowed to."""

    account: UUID | None = None
    action: AccountAction | None = None
    since: AwareDatetime | None = Field(None, description="From this instant on")
    until: AwareDatetime | None = Field(None, description="Before this instant")
