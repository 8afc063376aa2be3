"""The settings of sign-in by the company's directory (OpenID Connect)."""

import json
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode

from app.core.loopback import is_loopback

# The roles of `app/users/models.py`, which is above the settings; from most to fewest permissions.
MappedRole = Literal["superadmin", "admin", "receptionist", "guard", "host"]
SITE_ROLES = frozenset({"admin", "receptionist", "guard"})
ALL_SITES = "*"
# Issuers that serve the accounts of many companies, by host: anybody may have one there.
SHARED_ISSUERS = {
    "accounts.google.com",
    "appleid.apple.com",
    "gitlab.com",
    "login.salesforce.com",
    "login.yahoo.com",
    "api.login.yahoo.com",
    "slack.com",
    "www.facebook.com",
    "www.linkedin.com",
    "www.paypal.com",
}
MICROSOFT = "login.microsoftonline.com"
# Tenants of Microsoft that mean any company, or private accounts.
SHARED_TENANTS = {"common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}


class Grant(BaseModel):
    """What a group gives: a role and, for some roles, sites (ids or names; `*` is all)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: MappedRole
    sites: tuple[str, ...] | Literal["*"] | None = None

    @property
    def fault(self) -> str | None:
        """Return why the grant is contradictory, or None."""
        if self.role in SITE_ROLES and not self.sites:
            return f'{self.role} needs "sites": a list, or "*"'
        if self.role not in SITE_ROLES and self.sites is not None:
            return f'{self.role} has no "sites"'
        return None


RoleMap = Annotated[dict[str, Grant], NoDecode]


class DirectorySettings(BaseSettings):
    """The settings `OIDC_…`; without an issuer there is no directory."""

    oidc_issuer: str | None = Field(
        None, description="The issuer, exactly as its discovery document names it"
    )
    oidc_client_id: str = Field(
        "", description="The client that the directory knows this service as"
    )
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Its secret, sent as client_secret_basic"
    )
    oidc_scopes: str = Field("openid email profile", description="What the directory is asked for")
    oidc_role_claim: str = Field(
        "groups", description="The claim that lists a user's groups; dots lead into objects"
    )
    oidc_role_map: RoleMap = Field(
        {}, description='JSON: group → role, or {"role": …, "sites": [ids or names] or "*"}'
    )
    oidc_domains: Annotated[list[str], NoDecode] = Field(
        [], description="The exact domains of addresses that may sign in; default: any"
    )
    oidc_trust_email: bool = Field(
        False, description="Take addresses that the directory does not mark as verified"
    )
    oidc_required: bool = Field(False, description="Passwords sign nobody in but superadmins")
    oidc_trust_mfa: bool = Field(
        False, description="A sign-in by the directory counts as a second factor"
    )
    oidc_session_hours: int = Field(
        12, ge=1, le=8784, description="Hours after which a session from the directory ends"
    )
    oidc_limit_per_address: Annotated[
        str, Field(pattern=r"^[1-9][0-9]{0,5}/([1-9][0-9]{0,3})?(second|minute|hour|day)$")
    ] = Field("300/minute", description="Sign-ins by directory that are begun from one network")

    @field_validator("oidc_issuer", mode="before")
    @classmethod
    def _no_issuer(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("oidc_issuer")
    @classmethod
    def _address_of_issuer(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        is_address = parts.scheme in {"http", "https"} and parts.netloc
        if value is not None and (not is_address or parts.query or parts.fragment):
            raise ValueError("must begin with https:// and a host, without ? and #")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _with_openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must contain openid")
        return " ".join(value.split())

    @field_validator("oidc_domains", mode="before")
    @classmethod
    def _domains(cls, value: object) -> object:
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, list):
            names = (str(name).strip().removeprefix("@").lower() for name in value)
            return [name for name in names if name]
        return value

    @field_validator("oidc_role_map", mode="before")
    @classmethod
    def _grants(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                value = json.loads(value or "{}")
            except ValueError:
                raise ValueError("must be JSON: {group: role}") from None
        if not isinstance(value, dict):
            raise ValueError("must be a JSON object: {group: role}")
        return {str(group): _grant(str(group), given) for group, given in value.items()}

    @property
    def has_directory(self) -> bool:
        """Return whether people can sign in by a directory."""
        return self.oidc_issuer is not None

    def directory_faults(self, *, debug: bool) -> Iterator[str]:
        """Yield the contradictions in these settings."""
        if self.oidc_issuer is None:
            if self.oidc_required:
                yield "OIDC_REQUIRED needs OIDC_ISSUER"
            return
        if not self.oidc_client_id or not self.oidc_client_secret.get_secret_value():
            yield "OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"
        parts = urlsplit(self.oidc_issuer)
        if parts.scheme == "http" and not (debug and is_loopback(parts.hostname or "")):
            yield "OIDC_ISSUER must be https (http only on loopback, in development)"
        if self.oidc_trust_email and not self.oidc_domains:
            yield "OIDC_TRUST_EMAIL needs OIDC_DOMAINS"
        if self.oidc_trust_email and _is_shared(self.oidc_issuer):
            yield (
                "OIDC_TRUST_EMAIL needs an issuer of one tenant: anybody may have an account at"
                f" {self.oidc_issuer}, under any address"
            )


def _grant(group: str, given: object) -> Grant:
    try:
        grant = Grant.model_validate({"role": given} if isinstance(given, str) else given)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ValueError(f"{group}: {where}: {fault['msg']}") from None
    if grant.fault is not None:
        raise ValueError(f"{group}: {grant.fault}")
    return grant


def _is_shared(issuer: str) -> bool:
    """Return whether an issuer is known to serve more than one company."""
    parts = urlsplit(issuer)
    host = (parts.hostname or "").rstrip(".")
    tenant = parts.path.strip("/").partition("/")[0].lower()
    return host in SHARED_ISSUERS or (host == MICROSOFT and tenant in {"", *SHARED_TENANTS})
