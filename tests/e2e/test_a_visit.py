"""A visit from the invitation to the end of the day, over real sockets."""

import io
from pathlib import Path

import httpx
import pytest
import zxingcpp
from PIL import Image

from tests.e2e.installation import Installation, Today, eventually, process

pytestmark = [pytest.mark.e2e]


def visitor(name: str, when: dict[str, str]) -> dict[str, str]:
    return {
        "name": name,
        "email": f"{name.lower()}@example.com",
        "host_name": "Charles",
        "host_email": f"host-of-{name.lower()}@example.com",
        **when,
    }


async def code_in_mail(installation: Installation, address: str) -> str:
    """Wait for the confirmation and read the QR code in it with a camera's decoder."""
    mails = await eventually(lambda: installation.mails_to(address))
    png = next(part for part in mails[0].walk() if part.get_content_type() == "image/png")
    content = png.get_content()
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(content)).convert("L"))
    return found.text


async def test_from_the_invitation_to_the_way_out(
    installation: Installation, clients: list[httpx.AsyncClient], today: Today
) -> None:
    one, other = clients
    answer = await one.post("/api/visitors/", json=visitor("Ada", today.in_five_minutes))
    assert answer.status_code == 201, answer.text
    token = await code_in_mail(installation, "ada@example.com")
    assert token == answer.json()["qr_code"]
    await eventually(lambda: installation.mails_to("host-of-ada@example.com"))

    admitted = await one.post("/api/visitors/verify-qr/", json={"token": token, "gate": "North"})
    assert (admitted.status_code, admitted.json()["verdict"]) == (200, "admitted")
    await eventually(lambda: len(installation.mails_to("host-of-ada@example.com")) == 2)
    again = await other.post("/api/visitors/verify-qr/", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (409, "already_inside")
    out = await other.post("/api/visitors/verify-qr/", json={"token": token, "direction": "out"})
    assert (out.status_code, out.json()["verdict"]) == (200, "checked_out")
    shown = await one.get(f"/api/visitors/{answer.json()['id']}/")
    assert shown.json()["status"] == "completed"


async def test_the_next_day_closes_the_rest(
    installation: Installation,
    clients: list[httpx.AsyncClient],
    today: Today,
    other_redis_url: str,
    tmp_path: Path,
) -> None:
    client = clients[0]
    ids = {}
    for name in ("Grace", "Edsger"):
        answer = await client.post("/api/visitors/", json=visitor(name, today.in_five_minutes))
        ids[name] = answer.json()["id"]
    await client.post("/api/visitors/verify-qr/", json={"token": answer.json()["qr_code"]})

    async def statuses() -> dict[str, dict[str, object]]:
        return {name: (await client.get(f"/api/visitors/{ids[name]}/")).json() for name in ids}

    async def both_closed() -> bool:
        return {v["status"] for v in (await statuses()).values()} == {"expired", "completed"}

    module = "tests.e2e.later_worker"
    # With a separate queue, or the other worker would take half of its jobs.
    environment = installation.environment | {"REDIS_URL": other_redis_url}
    with process(["1"], environment, tmp_path / "tomorrow.log", module):
        await eventually(both_closed)
    closed = await statuses()
    assert closed["Grace"]["status"] == "expired"
    assert closed["Edsger"]["checked_out_automatically"] is True
