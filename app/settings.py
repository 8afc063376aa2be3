"""Settings from the environment or `.env`, validated at start-up."""

import os
import re
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.core.keys import KeyRing
from app.directory_settings import DirectorySettings, MappedRole

# In example keys, but not in random ones.
EXAMPLE_WORDS = ("change-me", "change_me", "changeme", "example", "insecure")
MINIMUM_SECRET_BYTES = 32
MINIMUM_SECRET_CHARACTERS = 10  # distinct
MINIMUM_BCRYPT_ROUNDS = 10
# The shortest prefix of a trusted network, by IP version.
WIDEST = {4: 8, 6: 32}
ROLES = frozenset(get_args(MappedRole))
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@]+")
ADDRESS = re.compile(r"[!-?A-~]+@[^\s@]+")
SECRETS = Path("/run/secrets")  # where Docker mounts them

CommaSeparated = Annotated[list[str], NoDecode]
Networks = Annotated[list[IPv4Network | IPv6Network], NoDecode]
# `10/15minute`: ten in 15 minutes.
Rate = Annotated[
    str, Field(pattern=r"^[1-9][0-9]{0,5}/([1-9][0-9]{0,3})?(second|minute|hour|day)$")
]


def secrets_directory() -> Path | None:
    """Return the directory with settings as files."""
    named = os.environ.get("SECRETS_DIR")
    return Path(named) if named else SECRETS if SECRETS.is_dir() else None


class Settings(DirectorySettings):
    """The settings; variables have the names of the fields, lists use commas."""

    model_config = SettingsConfigDict(
        env_file=".env", secrets_dir=secrets_directory(), extra="ignore"
    )

    debug: bool = Field(False, description="Development mode: test accounts and readable logs")
    secret_key: SecretStr = Field(
        description="Key that signs tokens and QR codes; at least 32 bytes"
    )
    secret_key_previous: SecretStr | None = Field(
        None, description="Previous key, still accepted, so that rotating keys signs nobody out"
    )
    allowed_hosts: CommaSeparated = Field([], description="Host names to serve")
    cors_allowed_origins: CommaSeparated = Field(
        [], description="Origins of browser front ends that may call the API"
    )
    frontend_url: str = Field(
        "http://localhost:3000", description="URL of the front end, for links in mails"
    )
    public_url: str | None = Field(
        None, description="URL of this service for visitors; default: the first of ALLOWED_HOSTS"
    )
    map_url: str = Field(
        "https://www.openstreetmap.org/search?query={address}",
        description="Map link for a site's address; empty: no map in mails and passes",
    )
    trusted_proxies: Networks = Field(
        [], description="Networks of proxies whose `proxy_header` is trusted"
    )
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"

    database_url: str = Field(description="postgresql://user:password@host:port/database")
    database_replica_url: str | None = Field(
        None, description="Streaming replica for reads that may be seconds old"
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections kept per process")
    redis_url: str = Field(description="redis://host:port/number, rediss:// or unix://")

    email_host: str = Field(description="SMTP server")
    email_port: int = Field(587, ge=1, le=65535)
    email_use_ssl: bool = Field(False, description="TLS from the first byte (port 465)")
    email_use_tls: bool = Field(True, description="STARTTLS (port 587)")
    email_host_user: str | None = None
    email_host_password: SecretStr | None = None
    email_timeout_seconds: float = Field(15, gt=0, le=300)
    default_from_email: str = Field("Visitor desk <visitors@localhost>")

    caught_mail: Path | None = Field(
        None, description="Folder of caught mails, which `/` shows in development"
    )

    bcrypt_rounds: int = Field(12, ge=4, le=16, description="Cost of a password hash, as 2^n")
    access_token_minutes: int = Field(15, ge=1, le=60)
    refresh_token_days: int = Field(7, ge=1, le=90)
    session_days: int = Field(
        30, ge=1, le=366, description="Days after which users must sign in again in any case"
    )
    account_event_days: int = Field(
        180, ge=1, le=36_500, description="Days to keep the log of sign-ins and account changes"
    )
    second_factor_roles: CommaSeparated = Field(
        [], description="Roles that need a second factor, such as superadmin,admin"
    )
    passkey_rp_id: str | None = Field(
        None,
        pattern=r"^([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}$",
        description="Domain that passkeys belong to; default: the host of FRONTEND_URL",
    )
    audit_days: int = Field(
        730, ge=1, le=36_500, description="Days to keep the audit log of everything that was done"
    )
    event_days: int = Field(
        90, ge=90, le=36_500, description="Days to keep the events that other systems read"
    )
    password_words: CommaSeparated = Field(
        [], description="Names that passwords must not consist of, such as the company's"
    )
    registration: Literal["open", "domain", "closed"] | None = Field(
        None, description="Who may register; default: open in development, else closed"
    )
    registration_domains: CommaSeparated = Field(
        [], description="E-mail domains for REGISTRATION=domain"
    )
    login_limit_per_account: Rate = Field(
        "10/15minute", description="Failed sign-ins from one network; ten times as many from all"
    )
    login_limit_per_address: Rate = Field("50/15minute", description="Failed sign-ins")
    registration_limit_per_address: Rate = Field("10/hour", description="Registrations")
    forgot_password_limit_per_account: Rate = Field(
        "3/hour", description="Reset mails from one network; ten times as many from all"
    )
    forgot_password_limit_per_address: Rate = Field("20/hour", description="Reset mails")
    self_registration_limit_per_address: Rate = Field(
        "20/hour", description="Visitors who register themselves"
    )
    slots_limit_per_address: Rate = Field(
        "120/minute", description="Looks at the slots of a site without a sign-in"
    )
    host_registration_limit: Rate = Field(
        "100/hour",
        description="Registrations by one host, those of uploads too, and as many mailed changes; "
        "each co-host counts",
    )
    upload_limit_per_account: Rate = Field(
        "30/minute", description="Workbooks uploaded by one account, dry runs too"
    )
    event_streams_per_account: int = Field(
        20, ge=1, description="Streams of events that one account has open at a process"
    )
    kiosk_registration_limit: Rate = Field("300/hour", description="Registrations at one kiosk")
    kiosk_mail_limit: Rate = Field(
        "60/hour", description="Registrations at one kiosk that name an e-mail address"
    )
    scan_limit_per_device: Rate = Field(
        "600/minute", description="New scans of genuine codes, and as many again from offline"
    )
    api_key_limit: Rate = Field("600/minute", description="Requests with one API key")
    batch_limit_per_device: Rate = Field(
        "120/minute", description="Batches of offline scans, repeated ones too"
    )
    forged_scan_limit_per_device: Rate = Field(
        "30/minute", description="Scans of forged codes; genuine ones are still accepted"
    )
    forged_pass_limit_per_address: Rate = Field(
        "30/minute", description="Forged links to passes; genuine ones always open"
    )
    device_key_overlap_minutes: int = Field(
        10, ge=0, le=1440, description="Minutes that a rotated device key stays valid"
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after the visit to anonymise visitors; default: never",
    )
    scanner_page: bool | None = Field(
        None, description="Serve the page /scanner/; default: only in development"
    )
    reception_page: bool = Field(True, description="Serve the page /reception/")
    webhook_allowed_networks: Networks = Field(
        [], description="Networks inside to which webhooks may be sent"
    )
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="Token of Prometheus; default: no metrics in production"
    )
    worker_metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port for the worker's metrics; default: none"
    )
    worker_heartbeat_file: Path | None = Field(
        None, description="File for `vms worker --check`; default: in the temporary directory"
    )
    sentry_dsn: SecretStr | None = Field(
        None, description="Sentry DSN for reports of unexpected errors"
    )
    security_contact: str | None = Field(
        None, description="Contact for security.txt: e-mail address or https://…; default: no file"
    )
    max_body_bytes: int = Field(
        64 * 1024, ge=1024, description="Maximum size of a JSON or form body"
    )
    body_timeout_seconds: float = Field(
        30, gt=0, le=600, description="Time limit for receiving a body"
    )
    bulk_upload_max_rows: int = Field(
        20, ge=1, le=1_000, description="Maximum number of visitors in a workbook"
    )
    bulk_upload_max_bytes: int = Field(
        1024 * 1024,
        ge=16 * 1024,
        le=16 * 1024 * 1024,
        description="Maximum size of an uploaded workbook",
    )

    @field_validator(
        "allowed_hosts",
        "cors_allowed_origins",
        "password_words",
        "registration_domains",
        "second_factor_roles",
        "trusted_proxies",
        "webhook_allowed_networks",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator(
        "database_replica_url",
        "email_host_user",
        "email_host_password",
        "metrics_token",
        "passkey_rp_id",
        "public_url",
        "secret_key_previous",
        "security_contact",
        "sentry_dsn",
        "worker_heartbeat_file",
        "worker_metrics_port",
        mode="before",
    )
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("registration_domains")
    @classmethod
    def _bare_domains(cls, value: list[str]) -> list[str]:
        return [domain.removeprefix("@").lower() for domain in value]

    @field_validator("second_factor_roles")
    @classmethod
    def _roles(cls, value: list[str]) -> list[str]:
        if unknown := set(value) - ROLES:
            raise ValueError(f"{', '.join(sorted(unknown))}: not a role of {', '.join(ROLES)}")
        return value

    @field_validator("database_url", "database_replica_url")
    @classmethod
    def _with_driver(cls, value: str | None) -> str | None:
        return None if value is None else _postgresql_address(value)

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("cors_allowed_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for origin in value:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    "must be an origin, such as https://desk.example.com:"
                    " with a scheme and without a path or trailing slash"
                )
        return [origin.lower() for origin in value]

    @field_validator("default_from_email")
    @classmethod
    def _sender(cls, value: str) -> str:
        if not ADDRESS.fullmatch(parseaddr(value)[1]):
            raise ValueError("must be an address, or Name <visitors@example.com>")
        return value

    @field_validator("security_contact")
    @classmethod
    def _contact(cls, value: str | None) -> str | None:
        """Return a URI (RFC 9116, section 2.5.3)."""
        if value is None or re.fullmatch(r"(https://|mailto:|tel:)[!-~]+", value):
            return value
        if not (value.isascii() and ADDRESS.fullmatch(value)):
            raise ValueError("must be an e-mail address, or begin with https://, mailto: or tel:")
        return f"mailto:{value}"

    @field_validator("frontend_url", "public_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in {"http", "https"} or not parts.netloc):
            raise ValueError("must begin with http:// or https://, and a host")
        return value and value.rstrip("/")

    @field_validator("map_url")
    @classmethod
    def _map_of_an_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme != "https" or "{address}" not in value):
            raise ValueError("must begin with https:// and have {address} in it, or be empty")
        return value

    @model_validator(mode="after")
    def _one_tls_mode(self) -> "Settings":
        if self.email_use_ssl and "email_use_tls" not in self.model_fields_set:
            self.email_use_tls = False
        return self

    @model_validator(mode="after")
    def _fit(self) -> "Settings":
        """Report all errors at once."""
        found = [*self._contradictions(), *(() if self.debug else self._unsafe())]
        if found:
            raise ValueError(".\n".join(found))
        return self

    def _contradictions(self) -> Iterator[str]:
        if self.registration == "domain" and not self.registration_domains:
            yield "REGISTRATION=domain needs REGISTRATION_DOMAINS"
        if self.email_host_user and self.email_host_password is None:
            yield "EMAIL_HOST_USER needs EMAIL_HOST_PASSWORD"
        if self.email_use_ssl and self.email_use_tls:
            yield "EMAIL_USE_SSL and EMAIL_USE_TLS exclude each other: set one of them"
        yield from self.directory_faults(debug=self.debug)

    def _unsafe(self) -> Iterator[str]:
        """Yield faults that are refused in production."""
        for name in ("secret_key", "secret_key_previous"):
            key: SecretStr | None = getattr(self, name)
            if key is not None and (fault := _fault_of_secret(key.get_secret_value())):
                yield f"{name.upper()} {fault}"
        if self.registration == "open":
            yield "REGISTRATION=open lets anybody create an account: use domain or closed"
        if self.bcrypt_rounds < MINIMUM_BCRYPT_ROUNDS:
            yield f"BCRYPT_ROUNDS is less than {MINIMUM_BCRYPT_ROUNDS}: passwords could be guessed"
        if self.worker_metrics_port is not None and self.metrics_token is None:
            yield "WORKER_METRICS_PORT needs METRICS_TOKEN"
        yield from self._too_trusting()

    def _too_trusting(self) -> Iterator[str]:
        if not self.allowed_hosts or "*" in self.allowed_hosts:
            yield "ALLOWED_HOSTS must name the hosts that are served, without *"
        elif not (self.public_url or self._named_hosts):
            yield "PUBLIC_URL is needed, since ALLOWED_HOSTS names no single host"
        if "*" in self.cors_allowed_origins:
            yield "CORS_ALLOWED_ORIGINS must name origins, without *"
        if wide := [
            str(net) for net in self.trusted_proxies if net.prefixlen < WIDEST[net.version]
        ]:
            yield (
                f"TRUSTED_PROXIES trusts too many ({', '.join(wide)}): name only the network of"
                " the proxies, or others could forge their address"
            )

    @property
    def key_ring(self) -> KeyRing:
        secrets = (self.secret_key, self.secret_key_previous)
        return KeyRing([key.get_secret_value() for key in secrets if key is not None])

    @property
    def _named_hosts(self) -> list[str]:
        return [host for host in self.allowed_hosts if "*" not in host]

    @property
    def service_url(self) -> str:
        """Return the service's URL for visitors, without a trailing slash."""
        if self.public_url is not None:
            return self.public_url
        return "http://localhost:8000" if self.debug else f"https://{self._named_hosts[0]}"

    @property
    def pages(self) -> list[str]:
        """Return the URLs of pages at which users may sign in."""
        return [self.frontend_url, self.service_url]

    @property
    def registration_mode(self) -> Literal["open", "domain", "closed"]:
        return self.registration or ("open" if self.debug else "closed")

    @property
    def serves_scanner_page(self) -> bool:
        return self.debug if self.scanner_page is None else self.scanner_page

    @property
    def opened_to_webhooks(self) -> list[IPv4Network | IPv6Network] | None:
        """Return the networks inside that webhooks may reach; None for all, in development."""
        return None if self.debug else self.webhook_allowed_networks

    @property
    def email_tls(self) -> Literal["none", "starttls", "implicit"]:
        """Return how SMTP is secured."""
        if self.email_use_ssl:
            return "implicit"
        return "starttls" if self.email_use_tls else "none"


def _fault_of_secret(secret: str) -> str | None:
    """Return why a key is insecure, or None."""
    if any(word in secret.casefold() for word in EXAMPLE_WORDS):
        return "is from an example: generate your own key"
    if len(secret.encode()) < MINIMUM_SECRET_BYTES:
        return f"is shorter than {MINIMUM_SECRET_BYTES} bytes"
    if len(set(secret)) < MINIMUM_SECRET_CHARACTERS:
        return f"has fewer than {MINIMUM_SECRET_CHARACTERS} distinct characters"
    return None


def _postgresql_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("must be a PostgreSQL URL: postgresql://user:password@host/name")
    # libpq's name; asyncpg's is `ssl`
    query = [("ssl" if k == "sslmode" else k, v) for k, v in parse_qsl(parts.query)]
    if dict(query).get("pooler", "transaction") != "transaction":
        raise ValueError("supports only pooler=transaction")
    url = urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(query)))
    try:
        make_url(url)
    except ArgumentError as error:
        raise ValueError("is not a valid PostgreSQL URL") from error
    return url
