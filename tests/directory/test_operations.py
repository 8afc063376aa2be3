"""What operators are told of the directory."""

from collections.abc import Callable
from typing import Any

import pytest
from asgi_lifespan import LifespanManager

from app.commands.doctor import Finding, Health, examine
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.main import create_app
from app.settings import Settings
from tests.directory.conftest import CALLED_BACK, Configure
from tests.support.api import Api
from tests.support.directory import Directory

NOBODY = "http://127.0.0.1:1"
MAP = {
    "desk": {"role": "receptionist", "sites": ["Berlin", "Nowhere"]},
    "doors": {"role": "guard", "sites": "*"},
}


def findings(settings: Settings, **values: Any) -> dict[str, Finding]:
    given = settings.model_dump(exclude_unset=True) | values
    return {found.part: found for found in examine(Settings(_env_file=None, **given))}


def test_doctor_reads_the_discovery_document(
    directory_settings: Settings, directory: Directory, database: Database
):
    found = findings(directory_settings, oidc_issuer=directory.issuer)["directory"]
    assert found.health is Health.OK
    assert directory.issuer in found.says
    assert CALLED_BACK in found.says


@pytest.mark.parametrize(("required", "health"), [(False, Health.WARNING), (True, Health.FAULT)])
def test_doctor_tells_that_the_directory_is_away(
    directory_settings: Settings, database: Database, required: bool, health: Health
):
    found = findings(directory_settings, oidc_issuer=NOBODY, oidc_required=required)
    assert found["directory"].health is health


def test_doctor_compares_the_issuer_to_the_letter(
    directory_settings: Settings, directory: Directory, database: Database
):
    found = findings(directory_settings, oidc_issuer=f"{directory.issuer}/")["directory"]
    assert (found.health, found.says) == (
        Health.WARNING,
        f"the discovery document is of {directory.issuer}",
    )


def test_doctor_says_nothing_where_there_is_no_directory(settings: Settings, database: Database):
    assert "directory" not in findings(settings)


def test_doctor_names_unknown_sites(directory_settings: Settings, database: Database):
    found = findings(directory_settings, oidc_role_map=MAP)["role map"]
    assert found.health is Health.WARNING
    assert "Berlin, Nowhere" in found.says


def test_doctor_is_content_with_known_sites(directory_settings: Settings, database: Database):
    known = {"doors": MAP["doors"]}
    assert findings(directory_settings, oidc_role_map=known)["role map"].health is Health.OK


async def test_the_start_names_unknown_sites(
    directory_settings: Settings,
    database: Database,
    clock: SettableClock,
    log: Callable[[], list[dict[str, Any]]],
):
    given = directory_settings.model_dump(exclude_unset=True) | {"oidc_role_map": MAP}
    async with LifespanManager(create_app(Settings(_env_file=None, **given), clock=clock)):
        [line] = [line for line in log() if "OIDC_ROLE_MAP" in line["event"]]
    assert (line["level"], line["sites"]) == ("warning", ["Berlin", "Nowhere"])


async def test_the_start_does_not_need_the_database_for_it(
    directory_settings: Settings, clock: SettableClock
):
    given = directory_settings.model_dump(exclude_unset=True) | {
        "oidc_role_map": MAP,
        "database_url": "postgresql://vms@127.0.0.1:1/vms",
    }
    async with LifespanManager(create_app(Settings(_env_file=None, **given), clock=clock)):
        pass


async def test_renaming_a_site_that_the_map_names_warns(api: Api, configure: Configure):
    root = await api.superadmin()
    body = {"name": "Berlin", "timezone": "Europe/Berlin"}
    site = (await root.post("sites/", body)).json()["id"]
    configure(oidc_role_map=MAP)
    same = await root.patch(f"sites/{site}/", {"name": "Berlin"})
    assert same.json()["warnings"] == []
    [warning] = (await root.patch(f"sites/{site}/", {"name": "Mitte"})).json()["warnings"]
    assert "Berlin" in warning
    assert "desk" in warning
    assert (await root.patch(f"sites/{site}/", {"name": "Spree"})).json()["warnings"] == []
    assert (await root.patch(f"sites/{site}/", {"address": "Here"})).json()["warnings"] == []
