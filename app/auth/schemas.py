"""Request and response bodies of sign-in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    model_validator,
)

from app.audit.schemas import KeptRequestId
from app.auth.caller import Caller
from app.auth.factor_service import Proof
from app.auth.models import AccountAction
from app.core.http.etags import Tagged
from app.core.text import LEFT_OUT, Email, Phone
from app.core.times import Instant
from app.users.models import User
from app.users.roles import Permission
from app.users.schemas import SITES, NewPassword, PersonName, Profile

# Longer than valid passwords, so that a wrong one gets a 401.
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
# Of an app (`123456`) or a recovery code.
GivenCode = Annotated[
    str, StringConstraints(min_length=1, max_length=100), Field(examples=["123456"])
]
CREDENTIAL: dict[str, Any] = {
    "id": "AQID",
    "rawId": "AQID",
    "type": "public-key",
    "response": {"clientDataJSON": "e30", "authenticatorData": "AQID", "signature": "AQID"},
    "clientExtensionResults": {},
}
Credential = Annotated[
    dict[str, Any],
    Field(description="The browser's answer to the options, by `toJSON()`", examples=[CREDENTIAL]),
]
GivenToken = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Credentials(BaseModel):
    """Credentials; `username` is an alias of `email`."""

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


class _OneOf(BaseModel):
    """A body of which exactly one of some fields is sent."""

    model_config = ConfigDict(extra="forbid")
    choices: ClassVar[tuple[str, ...]] = ("code", "credential")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in self.choices) != 1:
            raise ValueError(f"send one of {', '.join(self.choices)}")
        return self


class Confirmation(_OneOf):
    """The caller's password, or a second factor: a code or the credential of a passkey."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"password": "analytical engine"}}
    )
    choices = ("password", "code", "credential")

    password: GivenPassword | None = None
    code: GivenCode | None = None
    credential: Credential | None = None

    @property
    def proof(self) -> Proof:
        return Proof(self.code, self.credential)


class SecondFactorAnswer(_OneOf):
    """The ticket of `login/`, with a code or the credential of a passkey."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "ticket": "Zk1vQ2x5dGhlIGxpbmsgb2YgdGhlIG1haWwgaGFzIGl0",
                "code": "123456",
            }
        },
    )

    ticket: GivenToken
    code: GivenCode | None = None
    credential: Credential | None = None

    @property
    def proof(self) -> Proof:
        return Proof(self.code, self.credential)


class PasskeyOptions(RootModel[dict[str, Any]]):
    """Options for the browser, by `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.

    Web Authentication, Level 3, sections 5.4 and 5.5.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "challenge": "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
                "rpId": "desk.example.com",
                "userVerification": "required",
                "timeout": 60000,
                "allowCredentials": [],
            }
        }
    )


class PasskeyAnswer(BaseModel):
    """The credential of a passkey."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"credential": CREDENTIAL}}
    )

    credential: Credential


class SecondFactors(BaseModel):
    """The second factors of an account."""

    totp: bool = Field(description="Whether an authenticator app is set up")
    passkeys: int = Field(examples=[1])
    recovery_codes_left: int = Field(examples=[10])
    required: bool = Field(description="Whether the role of the account needs a second factor")


class RepresentedHost(BaseModel):
    """A host for whom the caller acts."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Grace Hopper"])
    email: str = Field(examples=["grace@example.com"])


class Me(Profile):
    """The caller's account and what the caller may do."""

    permissions: list[Permission] = Field(examples=[["visitors:read", "visitors:write"]])
    sites: list[UUID] | None = Field(description=SITES)
    acts_for: list[RepresentedHost] = Field(description="The hosts whose delegate the caller is")

    @classmethod
    def of(cls, user: User, caller: Caller, hosts: Sequence[User]) -> Self:
        """Return the profile of an account that the caller is signed in to."""
        sites = caller.scope.sites
        return cls(
            **Profile.model_validate(user).model_dump(),
            permissions=[word for word in Permission if word in caller.permissions],
            sites=None if sites is None else sorted(sites),
            acts_for=[RepresentedHost.model_validate(host) for host in hosts],
        )


class OwnAccount(Tagged, Me):
    """The account of the caller."""

    second_factor: SecondFactors


class SignIn(BaseModel):
    """A pair of tokens; `expires_in` is the lifetime of the access token in seconds."""

    access: str
    refresh: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int = Field(examples=[900])
    user: Profile


class OAuthToken(BaseModel):
    """Tokens in OAuth 2 format (RFC 6749, section 5.1)."""

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
    """The fields that users may change in their own account."""

    model_config = ConfigDict(extra="forbid")

    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, with their values; a name that is null stays."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if name == "phone" or value is not None}


class UserRegistration(BaseModel):
    """A new account with the role `host`.

    `password` is required with `REGISTRATION=open`, refused with `REGISTRATION=domain`.
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
    """The token of the mailed link."""

    model_config = ConfigDict(extra="forbid")

    token: GivenToken


class InvitationAcceptance(BaseModel):
    """The token of the mailed link, the password, and names if they change."""

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
        return self.model_dump(include={"first_name", "last_name"}, exclude_none=True)


class PasswordChange(BaseModel):
    """The current and the new password."""

    model_config = ConfigDict(extra="forbid")

    old_password: GivenPassword
    new_password: NewPassword


class ForgottenPassword(BaseModel):
    """The address of the account."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"email": "ada@example.com"}},
    )

    email: Email


class PasswordReset(BaseModel):
    """The token of the mailed link and the new password."""

    model_config = ConfigDict(extra="forbid")

    token: GivenToken
    new_password: NewPassword


class Session(BaseModel):
    """A session that has not ended."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="When it was last refreshed")
    expires_at: datetime = Field(description="When it ends unless refreshed")
    client_address: str | None = Field(description="Address of the sign-in")
    user_agent: str | None = Field(
        description="User-Agent of the sign-in", examples=["Mozilla/5.0 (X11; Linux)"]
    )
    current: bool = Field(False, description="Whether it is the session of this request")


class AccountEvent(BaseModel):
    """Something that happened to an account.

    `account_id` is null if the address has no account, `actor_id` if the caller is anonymous.
    E-mail addresses are the current ones.
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
    request_id: KeptRequestId
    details: dict[str, Any]


class AccountEventQuery(BaseModel):
    """Filters of account events."""

    account: UUID | None = None
    action: AccountAction | None = None
    since: Instant | None = Field(None, description="Events from this instant on")
    until: Instant | None = Field(None, description="Events before this instant")
