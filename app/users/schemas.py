"""Request and response bodies of accounts."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from app.core.link_marks import without_domain
from app.core.security.passwords import MAX_LENGTH
from app.core.text import LEFT_OUT, Email, RequiredLine, SearchText
from app.users.lookalikes import mixes_scripts
from app.users.models import Role
from app.users.password_rules import MIN_LENGTH

NewPassword = Annotated[
    str,
    StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    Field(
        description="Must not be a common password, the e-mail address, or consist only of names "
        "related to the site or to you; all characters are allowed",
        json_schema_extra={"format": "password"},
    ),
]


def _of_one_script(name: str) -> str:
    if mixes_scripts(name):
        raise ValueError("must not mix letters of different scripts in one word")
    return name


# Shown in mails as a greeting.
PersonName = Annotated[RequiredLine, AfterValidator(_of_one_script), AfterValidator(without_domain)]


MOST_SITES = 500
SITES = "The sites that an admin, receptionist or guard is limited to; null: all sites"
Sites = Annotated[list[UUID], Field(max_length=MOST_SITES)]


class Profile(BaseModel):
    """An account as its user sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str = Field(examples=["ada@example.com"])
    first_name: str = Field(examples=["Ada"])
    last_name: str = Field(examples=["Lovelace"])
    role: Role


class User(Profile):
    """An account as administrators see it."""

    first_name: str = Field(
        examples=["Ada"],
        validation_alias=AliasChoices("known_first_name", "first_name"),
        description="Empty until a self-registered account is verified with the mailed link",
    )
    last_name: str = Field(
        examples=["Lovelace"], validation_alias=AliasChoices("known_last_name", "last_name")
    )
    is_active: bool = Field(description="Whether the account can sign in")
    sites: list[UUID] | None = Field(description=SITES)
    created_at: datetime
    updated_at: datetime


class ChangedUser(User):
    """A changed account."""

    upcoming_visits: int | None = Field(
        description="Number of upcoming visits if the account was deactivated, otherwise null"
    )


class DeletedUser(BaseModel):
    """The result of deleting an account."""

    upcoming_visits: int = Field(description="Number of upcoming visits of the deleted account")


class UserCreate(BaseModel):
    """A new account. Without a password, the user is mailed a link to set one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "email": "ada@example.com",
                "first_name": "Ada",
                "last_name": "Lovelace",
                "role": "host",
            }
        },
    )

    email: Email
    first_name: PersonName
    last_name: PersonName
    role: Role
    sites: Sites | None = Field(None, description="Required for admins, receptionists and guards")
    password: NewPassword | None = None


class UserUpdate(BaseModel):
    """The fields to change. Only users can set their passwords, with `forgot-password/`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"is_active": False}})

    email: Email = LEFT_OUT
    first_name: PersonName = LEFT_OUT
    last_name: PersonName = LEFT_OUT
    role: Role = LEFT_OUT
    sites: Sites | None = LEFT_OUT
    is_active: bool = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, with their values."""
        return self.model_dump(exclude_unset=True)


class UserQuery(BaseModel):
    """Filters of a list of accounts."""

    role: Role | None = None
    is_active: bool | None = None
    q: SearchText | None = Field(
        None,
        description="Beginning of a name (accents are ignored) or of the e-mail address",
    )
