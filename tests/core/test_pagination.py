"""Keyset pagination, through the list of visitors."""

import string
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidCursor
from app.core.http.pagination import CursorCodec
from app.core.keys import KeyRing
from app.visitors.order_statements import ORDERINGS, VisitorOrdering
from tests.support.api import Api, Client
from tests.support.problems import faulty_fields, problem

codec = CursorCodec(KeyRing(["the secret of the cursors of these tests"]))
many = settings(max_examples=1000)
positions = st.tuples(st.dates(), st.times(), st.uuids())
COMPANIES = (None, "Österreich", "osterreich", "Zeta", None)
HOURS = ("09:00", "11:30", "14:15", "16:59")


async def register(client: Client, first: int, last: int) -> list[str]:
    """Register visitors of several hours, days and companies, or none; return their ids."""
    return [
        (
            await client.register(
                name=f"Visitor {number % 5}",
                company=COMPANIES[number % 5],
                visit_time=HOURS[number % 4],
                visit_date=f"2026-11-{23 + number % 3}",
            )
        )["id"]
        for number in range(first, last)
    ]


async def pages(client: Client, **params: object) -> list[list[str]]:
    """Return the ids of every page from the first to the last."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("visitors/", **params, **cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append([visitor["id"] for visitor in page["items"]])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("ordering", ORDERINGS)
async def test_pages_put_together_are_the_list(api: Api, ordering: VisitorOrdering):
    admin = await api.admin()
    ids = await register(admin, 0, 11)
    [whole] = await pages(admin, ordering=ordering, limit=200)
    parts = await pages(admin, ordering=ordering, limit=3)
    assert sorted(whole) == sorted(ids)
    assert list(chain(*parts)) == whole
    assert [len(part) for part in parts] == [3, 3, 3, 2]


@pytest.mark.parametrize("ordering", ORDERINGS)
async def test_rows_that_come_meanwhile_repeat_and_skip_nothing(
    api: Api, ordering: VisitorOrdering
):
    admin = await api.admin()
    before = set(await register(admin, 0, 9))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for round_ in range(20):
        page = (await admin.get("visitors/", ordering=ordering, limit=2, **cursor)).json()
        seen += [visitor["id"] for visitor in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await register(admin, 20 + round_, 21 + round_)
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


async def test_rows_that_go_meanwhile_skip_nothing(api: Api):
    admin = await api.admin()
    ids = list(reversed(await register(admin, 0, 6)))
    page = (await admin.get("visitors/", limit=3)).json()
    await admin.delete(f"visitors/{ids[2]}/")  # the row that the cursor was made from
    rest = (await admin.get("visitors/", limit=3, cursor=page["next_cursor"])).json()
    assert [visitor["id"] for visitor in rest["items"]] == ids[3:]


async def test_a_last_page_that_is_full_has_no_next(api: Api):
    admin = await api.admin()
    await register(admin, 0, 4)
    assert [len(page) for page in await pages(admin, limit=2)] == [2, 2]


async def test_an_empty_list_is_one_empty_page(api: Api):
    page = (await (await api.admin()).get("visitors/", include_total=True)).json()
    assert page == {"items": [], "next_cursor": None, "total": 0}


async def test_the_total_counts_all_pages_and_only_where_asked(api: Api):
    admin = await api.admin()
    await register(admin, 0, 5)
    first = (await admin.get("visitors/", limit=2, include_total=True)).json()
    second = await admin.get("visitors/", limit=2, include_total=True, cursor=first["next_cursor"])
    assert first["total"] == second.json()["total"] == 5
    assert (await admin.get("visitors/")).json().get("total") is None
    filtered = await admin.get("visitors/", include_total=True, visit_date="2026-11-24")
    assert filtered.json()["total"] == 2


@pytest.mark.parametrize("limit", ["0", "201", "-1", "abc", "1.5", "", "1e2"])
async def test_a_limit_out_of_bounds_is_422(api: Api, limit: str):
    assert faulty_fields(await (await api.admin()).get("visitors/", limit=limit)) == {"limit"}


@pytest.mark.parametrize("limit", [1, 200])
async def test_the_bounds_themselves_are_limits(api: Api, limit: int):
    assert (await (await api.admin()).get("visitors/", limit=limit)).status_code == 200


async def test_a_cursor_with_any_changed_character_is_400(api: Api):
    admin = await api.admin()
    await register(admin, 0, 2)
    cursor = (await admin.get("visitors/", limit=1)).json()["next_cursor"]
    for position in range(len(cursor)):
        character = "A" if cursor[position] != "A" else "B"
        changed = cursor[:position] + character + cursor[position + 1 :]
        problem(await admin.get("visitors/", cursor=changed), 400, "invalid_cursor")


async def test_a_cursor_has_no_second_spelling(api: Api):
    admin = await api.admin()
    await register(admin, 0, 2)
    cursor = (await admin.get("visitors/", limit=1)).json()["next_cursor"]
    last = string.ascii_letters + string.digits + "-_"
    spellings = [cursor[:-1] + character for character in last if character != cursor[-1]]
    for changed in [*spellings, f"{cursor}=", f"{cursor}==", f" {cursor}", f"{cursor}\n"]:
        problem(await admin.get("visitors/", cursor=changed), 400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["", "x", "é", "====", "AAAA", "\0", "1", "null"])
async def test_what_is_no_cursor_is_400(api: Api, cursor: str):
    problem(await (await api.admin()).get("visitors/", cursor=cursor), 400, "invalid_cursor")


async def test_a_cursor_of_another_ordering_is_400(api: Api):
    admin = await api.admin()
    await register(admin, 0, 2)
    for made in ORDERINGS:
        cursor = (await admin.get("visitors/", limit=1, ordering=made)).json()["next_cursor"]
        for used in ORDERINGS:
            answer = await admin.get("visitors/", limit=1, ordering=used, cursor=cursor)
            if used == made:
                assert answer.status_code == 200
            else:
                problem(answer, 400, "invalid_cursor")


async def test_a_cursor_of_a_host_shows_another_host_nothing_more(api: Api):
    charles, ada = await api.host(), await api.host("ada@example.com")
    await register(charles, 0, 3)
    cursor = (await charles.get("visitors/", limit=1)).json()["next_cursor"]
    assert (await ada.get("visitors/", cursor=cursor)).json()["items"] == []


async def test_a_cursor_of_the_previous_key_is_read(api: Api):
    admin = await api.admin()
    await register(admin, 0, 2)
    old, both = CursorCodec(KeyRing(["old"])), CursorCodec(KeyRing(["new", "old"]))
    ordering = ORDERINGS[VisitorOrdering.VISIT_DATE]
    visitor = (await admin.get("visitors/")).json()["items"][0]
    values = [visitor["visit_date"], visitor["visit_time"], visitor["id"]]
    decoded = both.decode(ordering, old.encode(ordering, values))
    assert [str(value) for value in decoded] == [values[0], f"{values[1]}:00", values[2]]


@many
@given(positions)
def test_a_cursor_holds_its_position(values: tuple[object, ...]):
    ordering = ORDERINGS[VisitorOrdering.VISIT_DATE]
    assert codec.decode(ordering, codec.encode(ordering, values)) == list(values)


@many
@given(positions, st.integers(0, 130), st.integers(0, 20), st.text(max_size=20))
def test_no_mutated_cursor_is_read(values: tuple[object, ...], start: int, length: int, text: str):
    ordering = ORDERINGS[VisitorOrdering.VISIT_DATE]
    cursor = codec.encode(ordering, values)
    changed = cursor[:start] + text + cursor[start + length :]
    if changed != cursor:
        with pytest.raises(InvalidCursor):
            codec.decode(ordering, changed)


@many
@given(st.text(max_size=200) | st.binary(max_size=200).map(CursorCodec.encode_raw))
def test_no_other_text_is_a_cursor(text: str):
    with pytest.raises(InvalidCursor):
        codec.decode(ORDERINGS[VisitorOrdering.VISIT_DATE], text)
