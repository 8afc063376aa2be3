"""The servers that `vms dev` starts, and the settings for them."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from devserver.disk import write_durably
from devserver.mail import MailCatcher
from devserver.postgres import EmbeddedPostgres
from devserver.redis import EmbeddedRedis

LOOPBACK_NAMES = "localhost,*.localhost,127.0.0.1,[::1]"


class Given(BaseSettings):
    """Servers that the environment or `.env` names."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    email_host: str | None = None
    secret_key: SecretStr | None = None
    public_url: str | None = None
    allowed_hosts: str | None = None


class Parts:
    """The embedded servers that no setting replaces."""

    def __init__(self, given: Given, data_dir: Path) -> None:
        self._given = given
        self._data_dir = data_dir
        self.postgres = None if given.database_url else EmbeddedPostgres(data_dir / "postgres")
        self.redis = None if given.redis_url else EmbeddedRedis(data_dir / "redis")
        self.mail = None if given.email_host else MailCatcher(data_dir / "mail")
        self.servers = [part for part in (self.postgres, self.redis, self.mail) if part]

    def start(self) -> None:
        """Start all servers; raise EmbeddedError."""
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait_ready()
        if self.postgres:
            self.postgres.create_database("vms")

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()

    def environment(self, address: str) -> dict[str, str]:
        """Return the environment of the service; `address` is the API's, for links in mails."""
        settings = dict(os.environ, DEBUG="true")
        if not self._given.public_url:
            settings["PUBLIC_URL"] = address
        if not self._given.allowed_hosts:
            # Prevents DNS rebinding.
            settings["ALLOWED_HOSTS"] = LOOPBACK_NAMES
        if not self._given.secret_key:
            settings["SECRET_KEY"] = _kept_secret(self._data_dir / "secret_key")
        if self.postgres:
            settings["DATABASE_URL"] = self.postgres.url("vms")
        if self.redis:
            settings["REDIS_URL"] = self.redis.url
        return settings | (_mail_settings(self.mail) if self.mail else {})


def _mail_settings(mail: MailCatcher) -> dict[str, str]:
    """Return all mail settings, so that none remains of another server."""
    return {
        "EMAIL_HOST": mail.host,
        "EMAIL_PORT": str(mail.port),
        "EMAIL_USE_TLS": "false",
        "EMAIL_USE_SSL": "false",
        "EMAIL_HOST_USER": "",
        "EMAIL_HOST_PASSWORD": "",
        "CAUGHT_MAIL": str(mail.directory),
    }


def _kept_secret(file: Path) -> str:
    """Return the secret, stored so that sessions survive a restart."""
    if not file.exists():
        write_durably(file, secrets.token_urlsafe(48).encode(), mode=0o600)
    return file.read_text()
