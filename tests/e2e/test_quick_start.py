"""The guides for integrators, run as they are written: the quick start and API keys."""

from pathlib import Path

import pytest

from tests.e2e.newcomer import dev, pasted

pytestmark = [pytest.mark.e2e]

GUIDE = "docs/quick-start.md"


@pytest.mark.parametrize("options", [(), ("--demo", "300")], ids=["empty", "demo"])
def test_every_line_of_the_quick_start_works(tmp_path: Path, options: tuple[str, ...]) -> None:
    with dev(tmp_path / "data", *options) as port:
        opened, first, again, admitted, replayed, refused = pasted(GUIDE, "sh", port, tmp_path)
        assert '"opens_at":"00:00"' in opened
        assert '"status":"pending"' in first
        assert again == first
        assert '"replayed":false' in admitted
        assert '"replayed":true' in replayed
        assert '"code":"already_inside"' in refused
        assert (tmp_path / "grace.png").read_bytes().startswith(b"\x89PNG")
        welcome, inside, opens = pasted(GUIDE, "python", port, tmp_path)
        assert (welcome, opens) == ("Welcome", "True False")
        assert inside.startswith("Already inside since")
        booked_by, status, refused, left, rotated = pasted(
            "docs/integrations.md", "sh", port, tmp_path
        )
        assert (booked_by, status, refused) == ("Booking tool", "pending", "forbidden")
        assert left.startswith('ratelimit: "api-key";r=59')
        assert rotated == "200"
