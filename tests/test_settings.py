"""Settings: their names, and the values that are refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.core.loopback import is_loopback
from app.settings import Settings, secrets_directory

KEY = "0123456789abcdef" * 2
EXAMPLE = Path(__file__).parents[1] / ".env.example"
PRODUCTION: dict[str, Any] = {
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "visitors.example.com",
    "DATABASE_URL": "postgresql://vms:secret@db:5432/vms",
    "REDIS_URL": "redis://redis:6379/0",
    "EMAIL_HOST": "smtp.example.com",
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return settings from an environment that holds these variables and no others of ours."""

    def _load(**variables: str | None) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in (PRODUCTION | variables).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return Settings(_env_file=None)

    return _load


def fault(load: Any, **variables: str | None) -> str:
    with pytest.raises(ValidationError) as caught:
        load(**variables)
    return str(caught.value)


def test_production_needs_five_settings(load: Any) -> None:
    settings = load()
    assert settings.debug is False
    assert settings.email_tls == "starttls"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "EMAIL_HOST"])
def test_a_missing_setting_is_named(load: Any, name: str) -> None:
    assert name.lower() in fault(load, **{name: None})


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SECRET_KEY": "change-me-to-64-random-characters"}, "SECRET_KEY"),
        ({"SECRET_KEY": "Example-secret-key-0123456789abcdef"}, "SECRET_KEY"),
        ({"SECRET_KEY": "0123456789abcdef" * 2 + "changeme"}, "SECRET_KEY"),
        ({"SECRET_KEY": "0123456789abcdef0123456789abcde"}, "SECRET_KEY"),
        ({"SECRET_KEY": "012345678" * 8}, "SECRET_KEY"),
        ({"SECRET_KEY_PREVIOUS": "change-me-to-64-random-characters"}, "SECRET_KEY_PREVIOUS"),
        ({"SECRET_KEY_PREVIOUS": "k" * 64}, "SECRET_KEY_PREVIOUS"),
        ({"REGISTRATION": "open"}, "REGISTRATION"),
        ({"BCRYPT_ROUNDS": "9"}, "BCRYPT_ROUNDS"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,10.0.0.0/7"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "2001:db8::/31"}, "TRUSTED_PROXIES"),
        ({"SECRET_KEY_PREVIOUS": "short"}, "SECRET_KEY_PREVIOUS"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"CORS_ALLOWED_ORIGINS": "https://desk.example.com,*"}, "CORS_ALLOWED_ORIGINS"),
        ({"DATABASE_URL": "sqlite:///vms.db"}, "database_url"),
        ({"DATABASE_URL": "postgresql://host:port/vms"}, "database_url"),
        ({"DATABASE_URL": "postgresql://host/vms?pooler=session"}, "database_url"),
        ({"DATABASE_REPLICA_URL": "mysql://host/vms"}, "database_replica_url"),
        ({"REDIS_URL": "http://redis"}, "redis_url"),
        ({"EMAIL_PORT": "70000"}, "email_port"),
        ({"EMAIL_USE_SSL": "true", "EMAIL_USE_TLS": "true"}, "EMAIL_USE_SSL"),
        ({"FRONTEND_URL": "javascript:alert(1)"}, "frontend_url"),
        ({"PUBLIC_URL": "visitors.example.com"}, "public_url"),
        ({"ALLOWED_HOSTS": "*.example.com"}, "PUBLIC_URL"),
        ({"MAP_URL": "https://maps.example.com/"}, "map_url"),
        ({"MAP_URL": "javascript:alert('{address}')"}, "map_url"),
        ({"CORS_ALLOWED_ORIGINS": "desk.example.com"}, "cors_allowed_origins"),
        ({"CORS_ALLOWED_ORIGINS": "https://desk.example.com/"}, "cors_allowed_origins"),
        ({"CORS_ALLOWED_ORIGINS": "https://desk.example.com/app"}, "cors_allowed_origins"),
        ({"DEFAULT_FROM_EMAIL": "nonsense"}, "default_from_email"),
        ({"EMAIL_HOST_USER": "desk"}, "EMAIL_HOST_PASSWORD"),
        ({"DEBUG": "perhaps"}, "debug"),
    ],
)
def test_an_unsafe_or_wrong_setting_is_refused(
    load: Any, variables: dict[str, str | None], named: str
) -> None:
    assert named in fault(load, **variables)


def test_development_accepts_a_short_key(load: Any) -> None:
    assert load(DEBUG="true", SECRET_KEY="short", ALLOWED_HOSTS=None).debug is True


def test_the_key_of_the_example_is_refused(load: Any) -> None:
    [key] = re.findall(r"^SECRET_KEY=(.+)$", EXAMPLE.read_text(), re.MULTILINE)
    assert "SECRET_KEY" in fault(load, SECRET_KEY=key)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST.")),
        *((host, False) for host in (".".join("0000"), "::", "10.0.0.1", "localhost.evil.test")),
    ],
)
def test_what_only_this_machine_reaches_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_all_that_is_unsafe_is_named_at_once(load: Any) -> None:
    said = fault(load, REGISTRATION="open", BCRYPT_ROUNDS="4", SECRET_KEY="k" * 64)
    assert all(name in said for name in ("REGISTRATION", "BCRYPT_ROUNDS", "SECRET_KEY"))


def test_production_takes_what_is_just_good_enough(load: Any) -> None:
    proxies = "10.0.0.0/8,2001:db8::/32"
    settings = load(SECRET_KEY="0123456789" * 4, BCRYPT_ROUNDS="10", TRUSTED_PROXIES=proxies)
    assert len(settings.trusted_proxies) == 2


def test_a_secret_is_not_shown(load: Any) -> None:
    assert KEY not in repr(load())


def test_lists_are_separated_by_commas(load: Any) -> None:
    settings = load(ALLOWED_HOSTS="a.example.com, b.example.com,")
    assert settings.allowed_hosts == ["a.example.com", "b.example.com"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_each_spelling_of_a_postgresql_address_is_read(load: Any, scheme: str) -> None:
    url = load(DATABASE_URL=f"{scheme}://vms:s%40cret@db/vms?sslmode=require").database_url
    assert url == "postgresql+asyncpg://vms:s%40cret@db/vms?ssl=require"


def test_a_replica_is_optional(load: Any) -> None:
    assert load(DATABASE_REPLICA_URL="").database_replica_url is None
    replica = load(DATABASE_REPLICA_URL="postgres://replica/vms?pooler=transaction")
    assert replica.database_replica_url == "postgresql+asyncpg://replica/vms?pooler=transaction"


def test_a_secret_may_be_a_file(load: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in [("secret_key", KEY[::-1]), ("email_host_password", ""), ("debug", "true")]:
        (tmp_path / name).write_text(f"{value}\n")
    load()
    monkeypatch.delenv("SECRET_KEY")
    settings = Settings(_env_file=None, _secrets_dir=tmp_path)
    assert settings.secret_key.get_secret_value() == KEY[::-1]
    assert settings.email_host_password is None
    monkeypatch.setenv("DEBUG", "false")
    assert Settings(_env_file=None, _secrets_dir=tmp_path).debug is False  # the environment wins


@pytest.mark.parametrize("named", [True, False])
def test_where_those_files_lie_can_be_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: bool
) -> None:
    monkeypatch.setattr("app.settings.SECRETS", tmp_path / "usual")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path) if named else "")
    assert secrets_directory() == (tmp_path if named else None)
    (tmp_path / "usual").mkdir()
    assert secrets_directory() == (tmp_path if named else tmp_path / "usual")


def test_the_public_address_is_set_or_that_of_the_first_host(load: Any) -> None:
    hosts = "*.example.com,visitors.example.com,other.example.com"
    assert load(ALLOWED_HOSTS=hosts, PUBLIC_URL="").service_url == "https://visitors.example.com"
    assert load(PUBLIC_URL="https://example.com/desk/").service_url == "https://example.com/desk"
    assert load(DEBUG="true", ALLOWED_HOSTS=None).service_url == "http://localhost:8000"


def test_maps_can_be_left_out(load: Any) -> None:
    assert load(MAP_URL="").map_url == ""


def test_tls_from_the_first_byte_switches_starttls_off(load: Any) -> None:
    assert load(EMAIL_USE_SSL="true").email_tls == "implicit"
    assert load(EMAIL_USE_TLS="false").email_tls == "none"


def test_the_example_names_every_setting() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}


def test_a_sender_may_have_a_name_and_a_domain_beyond_ascii(load: Any) -> None:
    sender = "Empfang <empfang@bücher.example>"
    assert load(DEFAULT_FROM_EMAIL=sender).default_from_email == sender


def test_a_blank_mail_account_is_none(load: Any) -> None:
    settings = load(EMAIL_HOST_USER="", EMAIL_HOST_PASSWORD="", SECRET_KEY_PREVIOUS="")
    assert (settings.email_host_user, settings.email_host_password) == (None, None)
    assert settings.secret_key_previous is None
