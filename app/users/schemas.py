"""Request and response bodies of accounts."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from app.core.http.etags import Tagged
from app.core.link_marks import without_domain
from app.core.security.passwords import MAX_LENGTH
from app.core.text import LEFT_OUT, Email, Phone, RequiredLine, SearchText
from app.users.lookalikes import mixes_scripts
from app.users.models import Role
from app.users.password_rules import MIN_LENGTH

NewPassword = Annotated[
    str,
    StringConstraints(min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    Field(
        description="Must not be a common password, the e-mail address, or only names "
        "related to the site or to you; all characters are allowed",
        json_schema_extra={"format": "password"},
    ),
]


def _of_one_script(name: str) -> str:
    if mixes_scripts(name):
        raise ValueError("must not mix letters of different scripts in one word")
    return name


# The greeting of mails.
PersonName = Annotated[RequiredLine, AfterValidator(_of_one_script), AfterValidator(without_domain)]


MOST_SITES = 500
SITES = "The sites that an admin, receptionist or guard is limited to; null: all sites"
Sites = Annotated[list[UUID], Field(max_length=MOST_SITES)]


class Profile(BaseModel):
    """The caller's account."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str = Field(examples=["ada@example.com"])
    first_name: str = Field(examples=["Ada"])
    last_name: str = Field(examples=["Lovelace"])
    phone: str | None = Field(examples=["+49 30 1234567"])
    role: Role


class User(Tagged, Profile):
    """An account."""

    first_name: str = Field(
        examples=["Ada"],
        validation_alias=AliasChoices("known_first_name", "first_name"),
        description="Empty until a self-registered account is verified",
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

    outside_tag: ClassVar = frozenset({"upcoming_visits"})

    upcoming_visits: int | None = Field(
        description="Upcoming visits of a deactivated account, otherwise null"
    )


class DeletedUser(BaseModel):
    """A deleted account."""

    upcoming_visits: int = Field(description="Upcoming visits of the deleted account")


class UserCreate(BaseModel):
    """A new account, whose user sets the password with a mailed link."""

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
    phone: Phone = None
    role: Role
    sites: Sites | None = Field(None, description="Required for admins, receptionists and guards")


class UserUpdate(BaseModel):
    """The fields to change. Passwords are set by users, with `forgot-password/`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"is_active": False}})

    email: Email = LEFT_OUT
    first_name: PersonName = LEFT_OUT
    last_name: PersonName = LEFT_OUT
    phone: Phone = LEFT_OUT
    role: Role = LEFT_OUT
    sites: Sites | None = LEFT_OUT
    is_active: bool = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class UserQuery(BaseModel):
    """Filters of accounts."""

    role: Role | None = None
    is_active: bool | None = None
    q: SearchText | None = Field(
        None,
        description="Beginning of a name, without accents, or of the e-mail address",
    )
