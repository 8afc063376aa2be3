"""The settings of sign-in by directory, and what is refused at the start."""

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from app.directory_settings import MappedRole
from app.settings import Settings
from app.users.models import Role
from tests.test_settings import KEY

DIRECTORY: dict[str, Any] = {
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "visitors",
    "oidc_client_secret": "s3cret",
}


def load(*, debug: bool = False, **values: Any) -> Settings:
    return Settings(
        _env_file=None,
        debug=debug,
        secret_key=KEY,
        allowed_hosts=["visitors.example.com"],
        database_url="postgresql://db/vms",
        redis_url="redis://redis",
        email_host="smtp.example.com",
        **(DIRECTORY | values),
    )


def fault(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        load(**values)
    return str(caught.value)


def test_without_an_issuer_there_is_no_directory():
    assert load().has_directory
    assert not load(oidc_issuer="").has_directory


@pytest.mark.parametrize("missing", ["oidc_client_id", "oidc_client_secret"])
def test_an_issuer_needs_a_client(missing: str):
    assert missing.upper() in fault(**{missing: ""})


@pytest.mark.parametrize("issuer", ["login.example.com", "https://a.example/?x=1", "ftp://a.org"])
def test_an_issuer_is_an_address(issuer: str):
    assert "oidc_issuer" in fault(oidc_issuer=issuer)


def test_http_is_for_loopback_in_development_only():
    assert load(debug=True, oidc_issuer="http://127.0.0.1:3000").has_directory
    assert "OIDC_ISSUER must be https" in fault(oidc_issuer="http://127.0.0.1:3000")
    assert "OIDC_ISSUER must be https" in fault(debug=True, oidc_issuer="http://login.example.com")


def test_addresses_are_trusted_only_with_domains():
    assert "OIDC_DOMAINS" in fault(oidc_trust_email=True)
    settings = load(oidc_trust_email=True, oidc_domains=" Example.com, @b.example,")
    assert settings.oidc_domains == ["example.com", "b.example"]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://accounts.google.com",
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/organizations/v2.0",
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    ],
)
def test_addresses_of_a_shared_issuer_are_not_trusted(issuer: str):
    trusting: dict[str, Any] = {"oidc_trust_email": True, "oidc_domains": "example.com"}
    assert "one tenant" in fault(oidc_issuer=issuer, **trusting)
    tenant = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
    assert load(oidc_issuer=tenant, **trusting).oidc_trust_email


def test_the_directory_can_be_required_only_where_there_is_one():
    assert "OIDC_ISSUER" in fault(oidc_issuer=None, oidc_required=True)


def test_openid_is_always_asked_for():
    assert "openid" in fault(oidc_scopes="email profile")


@pytest.mark.parametrize(
    ("role_map", "named"),
    [
        ({"it": "wizard"}, "it: role"),
        ({"it": {"role": "root"}}, "it: role"),
        ({"desk": "receptionist"}, "desk: receptionist needs"),
        ({"desk": {"role": "guard", "sites": []}}, "desk: guard needs"),
        ({"all": {"role": "admin"}}, "all: admin needs"),
        ({"all": {"role": "host", "sites": "*"}}, 'all: host has no "sites"'),
        ({"all": {"role": "admin", "sites": "Berlin"}}, "all: sites"),
        ({"all": {"role": "admin", "sites": "*", "site": 1}}, "all: site"),
    ],
)
def test_an_unknown_role_or_missing_sites_stop_the_start(role_map: Any, named: str):
    assert named in fault(oidc_role_map=json.dumps(role_map))


@pytest.mark.parametrize("text", ["{", "[]", '"admin"'])
def test_the_map_is_a_json_object(text: str):
    assert "JSON" in fault(oidc_role_map=text)


def test_a_map_names_roles_with_their_sites():
    given = {"it": "superadmin", "desk": {"role": "receptionist", "sites": ["Berlin"]}}
    grants = load(oidc_role_map=json.dumps(given)).oidc_role_map
    assert (grants["it"].role, grants["it"].sites) == ("superadmin", None)
    assert (grants["desk"].role, grants["desk"].sites) == ("receptionist", ("Berlin",))


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(load())


def test_roles_of_the_map_are_those_of_accounts():
    assert list(get_args(MappedRole)) == [role.value for role in Role]
