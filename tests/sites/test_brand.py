"""Names, colours and logos of companies at their sites."""

from itertools import product

import pytest

from app.core.colours import text_on
from app.users.models import Role
from tests.sites.logos import LOGO, encoded, picture, put_logo
from tests.sites.test_sites import NOBODY, create, main_site
from tests.support.api import Api
from tests.support.problems import faulty_fields, problem

BRAND = {"brand_name": "Analytical Engines", "brand_color": "#ffcc00"}


async def test_a_scoped_admin_sets_name_and_colour(api: Api):
    site = await main_site(await api.superadmin())
    admin = await api.of_role(Role.ADMIN, site["id"])
    path = f"sites/{site['id']}/"
    body = {"brand_name": " Analytical Engines ", "brand_color": "#FFCC00"}
    changed = (await admin.patch(path, body)).json()
    assert BRAND.items() <= changed.items()
    for colour in ("red", "#fc0", "#ffcc0", "#ffcc000", "#ffcc0g", "#ffcc00\n", 7):
        refused = await admin.patch(path, {"brand_color": colour})
        assert faulty_fields(refused) == {"brand_color"}
    assert faulty_fields(await admin.patch(path, {"brand_name": "x" * 61})) == {"brand_name"}
    cleared = (await admin.patch(path, {"brand_name": " ", "brand_color": None})).json()
    assert (cleared["brand_name"], cleared["brand_color"]) == (None, None)


async def test_replacing_a_site_without_a_brand_keeps_it(api: Api):
    root = await api.superadmin()
    site = await create(root, **BRAND)
    await put_logo(root, site["id"])
    replaced = (await root.put(f"sites/{site['id']}/", {"name": "Annex"})).json()
    assert (BRAND | {"has_logo": True}).items() <= replaced.items()


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(p * w for p, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_is_readable_on_every_colour():
    steps = [*range(0, 256, 15), 117, 118, 119]
    colours = (f"#{r:02x}{g:02x}{b:02x}" for r, g, b in product(steps, repeat=3))
    assert [colour for colour in colours if _contrast(colour, text_on(colour)) < 4.5] == []


async def test_a_logo_is_set_shown_to_everybody_and_removed(api: Api):
    site = await main_site(await api.superadmin())
    admin = await api.of_role(Role.ADMIN, site["id"])
    path = f"/api/sites/{site['id']}/logo/"
    problem(await api.http.get(path), 404, "not_found")
    assert (await put_logo(admin, site["id"])).status_code == 204
    shown = await api.http.get(path)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["cross-origin-resource-policy"] == "cross-origin"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["cache-control"] == "public, max-age=86400"
    tag = shown.headers["etag"]
    again = await api.http.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    photo = encoded(picture(colour=(0, 0, 9)), "JPEG")
    assert (await put_logo(admin, site["id"], photo, "image/jpeg")).status_code == 204
    assert (await api.http.get(path, headers={"If-None-Match": tag})).headers["etag"] != tag
    assert (await admin.delete(path.removeprefix("/api/"))).status_code == 204
    assert (await admin.delete(path.removeprefix("/api/"))).status_code == 204
    assert (await main_site(admin))["has_logo"] is False


async def test_what_is_no_logo_is_refused(api: Api):
    root = await api.superadmin()
    site = (await main_site(root))["id"]
    problem(await put_logo(root, site, LOGO + bytes(256 * 1024)), 413, "too_large")
    problem(await put_logo(root, site, LOGO, "image/svg+xml"), 415, "unsupported_media_type")
    for data in (b"", b"<svg/>", LOGO[:60], encoded(picture(size=(4097, 1)))):
        assert faulty_fields(await put_logo(root, site, data)) == {"body"}
    problem(await put_logo(root, NOBODY), 404, "not_found")
    assert (await main_site(root))["has_logo"] is False


@pytest.mark.parametrize("role", [Role.RECEPTIONIST, Role.GUARD, Role.HOST])
async def test_only_admins_set_a_logo(api: Api, role: Role):
    site = (await main_site(await api.superadmin()))["id"]
    problem(await put_logo(await api.of_role(role), site), 403, "forbidden")


async def test_a_logo_goes_with_its_site(api: Api):
    root = await api.superadmin()
    site = (await create(root))["id"]
    assert (await put_logo(root, site)).status_code == 204
    assert (await root.delete(f"sites/{site}/")).status_code == 204
    problem(await api.http.get(f"/api/sites/{site}/logo/"), 404, "not_found")
