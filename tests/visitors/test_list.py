"""The list of visitors: filters, search, order, and the scope of hosts."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors import schemas
from app.visitors.models import VisitorStatus
from tests.support.api import Api, Client
from tests.support.database import add_department, add_site, set_status
from tests.support.problems import faulty_fields


async def names(client: Client, **params: Any) -> set[str]:
    answer = await client.get("visitors/", **params)
    assert answer.status_code == 200, answer.text
    return {visitor["name"] for visitor in answer.json()["items"]}


async def test_an_item_is_the_record_with_every_field(api: Api, database: Database):
    admin = await api.admin()
    filled = {"phone": "+49 30 123", "company": "Engines", "notes": "By bicycle", "language": "de"}
    plain = await admin.register(**filled)
    elsewhere = await admin.register(
        site=await add_site(database),
        department=await add_department(database),
        visitor_type="student",
        visitor_category="academic",
        purpose="interview",
        host_id=(await api.host()).user_id,
    )
    moved = {"visit_date": "2026-11-24", "visit_time": "14:00"}
    await admin.post(f"visitors/{elsewhere['id']}/reschedule/", moved)
    await admin.scan(plain["qr_code"])
    await admin.scan(plain["qr_code"], direction="out")
    listed = (await admin.get("visitors/")).json()["items"]
    assert [item["id"] for item in listed] == [elsewhere["id"], plain["id"]]
    for item in listed:
        assert item == (await admin.get(f"visitors/{item['id']}/")).json()
    shown = [{name for name, value in item.items() if value is not None} for item in listed]
    # Groups are listed in tests/groups.
    assert shown[0] | shown[1] == set(schemas.Visitor.model_fields) - {"group"}


@pytest.mark.parametrize("status", list(VisitorStatus))
async def test_by_status(api: Api, database: Database, status: VisitorStatus):
    admin = await api.admin()
    for each in VisitorStatus:
        visitor = await admin.register(name=each.value)
        await set_status(database, visitor["id"], each)
    assert await names(admin, status=status.value) == {status.value}


async def test_by_several_statuses(api: Api, database: Database):
    admin = await api.admin()
    for name, each in zip("abcde", VisitorStatus, strict=True):
        visitor = await admin.register(name=name, visit_time=f"{ord(name) - 85}:00", company=name)
        await set_status(database, visitor["id"], each)
    statuses = list(VisitorStatus)
    assert await names(admin, status=",".join(statuses[1:3])) == {"b", "c"}
    assert await names(admin, status="expired,pending,expired") == {"a", "e"}
    assert await names(admin, status=",".join(statuses)) == set("abcde")
    answer = await admin.get("visitors/", status=",".join(statuses[2:]), include_total=True)
    assert answer.json()["total"] == 3
    assert await names(admin, status="pending,expired", q="e") == {"a", "e"}  # example.com
    for ordering, found in [("name", "bd"), ("-company", "db"), ("-visit_date", "db")]:
        params = {"status": "cancelled,verified", "ordering": ordering}
        first = (await admin.get("visitors/", **params, limit=1)).json()
        cursor = first["next_cursor"]
        second = (await admin.get("visitors/", **params, limit=1, cursor=cursor)).json()
        assert [item["name"] for item in first["items"] + second["items"]] == list(found)
        assert second["next_cursor"] is None


async def test_by_last_change_from_that_instant_on(api: Api, clock: SettableClock):
    admin = await api.admin()
    early = await admin.register(name="early")
    clock.advance(timedelta(minutes=1))
    late = await admin.register(name="late")
    since = late["updated_at"]
    assert await names(admin, updated_since=since) == {"late"}
    assert await names(admin, updated_since=early["updated_at"]) == {"early", "late"}
    clock.advance(timedelta(minutes=1))
    await admin.patch(f"visitors/{early['id']}/", {"notes": "Comes by bicycle"})
    assert await names(admin, updated_since=since) == {"early", "late"}
    assert await names(admin, updated_since=clock.now().isoformat()) == {"early"}


async def test_by_the_account_of_the_host(api: Api):
    admin, host = await api.admin(), await api.host()
    await admin.register(name="one")
    await admin.register(name="other", host_email="mary@example.com")
    assert await names(admin, host_id=host.user_id) == {"one"}
    assert await names(admin, host_id=admin.user_id) == set()


async def test_by_site_and_department(api: Api, database: Database):
    admin = await api.admin()
    annex, research = await add_site(database), await add_department(database)
    await admin.register(name="main")
    await admin.register(name="annex", site=annex)
    await admin.register(name="research", department=research)
    assert await names(admin, site=annex) == {"annex"}
    assert await names(admin, department=research) == {"research"}
    assert await names(admin, site=annex, department=research) == set()


async def test_by_purpose(api: Api):
    admin = await api.admin()
    for purpose in ("interview", "delivery"):
        await admin.register(name=purpose, purpose=purpose)
    assert await names(admin, purpose="delivery") == {"delivery"}


async def test_by_day_and_span_of_days_with_both_ends(api: Api):
    admin = await api.admin()
    for day in range(23, 28):
        await admin.register(name=str(day), visit_date=f"2026-11-{day}")
    assert await names(admin, visit_date="2026-11-24") == {"24"}
    assert await names(admin, visit_date_from="2026-11-26") == {"26", "27"}
    assert await names(admin, visit_date_to="2026-11-24") == {"23", "24"}
    span = {"visit_date_from": "2026-11-24", "visit_date_to": "2026-11-26"}
    assert await names(admin, **span) == {"24", "25", "26"}


async def test_by_the_hosts_address_in_any_case(api: Api):
    admin = await api.admin()
    await admin.register(name="one", host_email="Charles@example.com")
    await admin.register(name="other", host_email="mary@example.com")
    assert await names(admin, host_email=" charles@EXAMPLE.com ") == {"one"}
    assert await names(admin, host_email="charles") == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "gone"), ("status", "pending,gone"), ("status", ""), ("status", "pending,"),
     ("updated_since", "2026-11-23T08:00:00"),
     ("updated_since", "0001-01-01T00:00:00+14:00"),
     ("updated_since", "9999-12-31T23:00:00-01:00"),
     ("host_id", "x"), ("purpose", "fun"),
     ("site", "1"), ("department", "x"),
     ("visit_date", "tomorrow"), ("visit_date_from", "2026-13-01"), ("ordering", "email"),
     ("ordering", "id; DROP TABLE visitors"), ("include_total", "perhaps"), ("q", "x" * 201)],
)  # fmt: skip
async def test_a_wrong_filter_is_422_and_named(api: Api, name: str, value: str):
    answer = await (await api.admin()).get("visitors/", **{name: value})
    assert faulty_fields(answer) == {name}


@pytest.mark.parametrize("path", ["visitors/", "visitors/export-excel/"])
async def test_a_span_of_days_ends_after_it_begins(api: Api, path: str):
    span = {"visit_date_from": "2026-11-24", "visit_date_to": "2026-11-23"}
    assert faulty_fields(await (await api.admin()).get(path, **span)) == {"visit_date_to"}


async def test_a_filter_that_is_given_twice_is_refused(api: Api):
    admin = await api.admin()
    answer = await admin.request("GET", "visitors/?status=pending&status=cancelled")
    assert faulty_fields(answer) == {"status"}


@pytest.mark.parametrize(
    "q",
    [
        "ada", "ADA", "  ada ", "lov", "lovelace", "ada lov", "lov ada", "ada analyt 123",
        "ada@example.com", "example", "example.com", "a@e", "analytical", "engines ltd", "+49 30",
        "+4930123456", "4930123", "(30) 123-456", "456", "ada,lovelace", "ada & lovelace", "l",
        "ADA@EX", "@example.com", "ada@", "+49 30 1", "(30)", "49 ada", "..@ada",
    ],
)  # fmt: skip
async def test_search_finds_the_start_of_any_word(api: Api, q: str):
    admin = await api.admin()
    await admin.register(company="Analytical Engines Ltd", phone="+49 (30) 123-456")
    await admin.register(name="Grace Hopper", email="grace@navy.mil", host_email="ada@example.com")
    assert await names(admin, q=q) == {"Ada Lovelace"}


@pytest.mark.parametrize("q", ["da", "velace", "xample", "ada hopper", "ada x", "charles", "0123"])
async def test_search_does_not_find_what_begins_no_word(api: Api, q: str):
    admin = await api.admin()
    await admin.register(company="Analytical Engines Ltd", phone="+49 (30) 123-456")
    assert await names(admin, q=q) == set()


METACHARACTERS = ["'", "''", "%", "_", "\\", "\\'", ":*", "&", "|", "!", "<->", "()", "*", "$$",
                  "a' OR '1'='1", "ada:*", "!ada", "ada |", "ada\\", "'ada'", "%ada%", "<ada>",
                  "ada'); DROP TABLE visitors; --", "\u200b", "🦉", "\ufffd",
                  "a" * 200]  # fmt: skip


@pytest.mark.parametrize("q", METACHARACTERS)
async def test_metacharacters_are_text_like_any_other(api: Api, q: str):
    admin = await api.admin()
    await admin.register()
    assert await names(admin, q=q) <= {"Ada Lovelace"}


@pytest.mark.parametrize("param", ["q", "host_email", "cursor"])
async def test_a_null_byte_is_no_server_error(api: Api, param: str):
    answer = await (await api.admin()).get("visitors/", **{param: "a\0b"})
    assert answer.status_code in {200, 400, 422}, answer.text


@pytest.mark.parametrize("text", ["", "   "])
@pytest.mark.parametrize("param", ["q", "host_email"])
async def test_an_empty_search_narrows_nothing(api: Api, param: str, text: str):
    admin = await api.admin()
    await admin.register()
    assert await names(admin, **{param: text}) == {"Ada Lovelace"}


@pytest.mark.parametrize("q", ["'", "&", "...", "🦉"])
async def test_a_search_without_any_word_finds_nobody(api: Api, q: str):
    admin = await api.admin()
    await admin.register()
    assert await names(admin, q=q) == set()


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("Jürgen Groß", ["jür", "JÜRGEN", "gro", "Groß", "ju\u0308r"]),
        ("Ольга Иванова", ["ольга", "ИВАН", "ива оль"]),
        ("李小龍", ["李", "李小"]),
        ("محمد علي", ["محمد", "عل"]),
        ("Ǆem O'Brien", ["o'brien", "brien", "ǆem", "o"]),
        ("Nguyễn Văn", ["nguyễn", "VĂN"]),
    ],
)
async def test_names_of_all_scripts_are_found(api: Api, name: str, found_by: list[str]):
    admin = await api.admin()
    await admin.register(name=name)
    await admin.register(name="Zz Top", email="zz@zz.zz")
    for q in found_by:
        assert await names(admin, q=q) == {name}, q


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("Jürgen Müller", ["jurgen", "juergen", "JÜRGEN", "Jue", "muel", "MÜL", "jurgen mueller"]),
        ("Juergen Mueller", ["juergen", "jürgen", "MÜL", "mueller"]),
        ("Muller", ["muller", "müller"]),
        ("Ö", ["o", "oe", "ö"]),
        ("Żółć Łukasz", ["zolc", "lukasz", "żółć", "ŁUK", "zołc"]),
        ("Işık İnönü", ["isik", "ISIK", "inonu", "inoenue", "İNÖ"]),  # noqa: RUF001
        ("Straße Weiẞ", ["strasse", "straße", "STRASSE", "weiss"]),
        ("Søren Ångström", ["soren", "soeren", "angstrom", "aangstroem", "sören"]),
        ("Ærø Œuvre Þór", ["aero", "aeroe", "oeuvre", "thor"]),
        ("René Đặng", ["rene", "RENÉ", "dang"]),
        ("Ёлкин Й", ["елкин", "ёлк", "и"]),
        ("Γιώργος", ["γιωργος", "ΓΙΏΡΓΟΣ"]),
        ("ガンダム", ["ガン", "ｶﾞﾝ"]),
        ("김철수", ["김", "김철"]),
        ("ﬁne ＡＢＣ", ["fine", "abc"]),  # noqa: RUF001
        ("Jean O’Brien", ["o'brien", "brien", "o’b"]),  # noqa: RUF001
        ("Strasse", ["straße", "STRAẞE", "strasse"]),
        ("Lukasz Dang", ["łukasz", "Łuk", "đang", "ĐANG luk"]),
        ("Soren Aero Abc", ["søren", "SØR", "ærø", "ＡＢＣ"]),  # noqa: RUF001
    ],
)
async def test_accents_make_no_difference(api: Api, name: str, found_by: list[str]):
    admin = await api.admin()
    await admin.register(name="Zz Top", email="zz@zz.zz")
    await admin.register(name=name, email="x@zz.zz", host_email="ada@zz.zz")
    for q in found_by:
        assert await names(admin, q=q) == {name}, q


@pytest.mark.parametrize("q", ["mueller", "mül x", "jürgen mull", "ue", "ł"])
async def test_folding_makes_no_words_up(api: Api, q: str):
    admin = await api.admin()
    await admin.register(name="Jurgen Muller", email="j@zz.zz")
    expected = {"Jurgen Muller"} if q == "jürgen mull" else set()
    assert await names(admin, q=q) == expected


async def test_company_and_address_are_folded_like_the_name(api: Api):
    admin = await api.admin()
    await admin.register(company="Bäckerei Größmann", email="zoë.å@exämple.com", phone="+49 30 12")
    for q in ("backerei", "baeckerei groess", "zoe", "aa", "example", "exaemple", "493012", "12"):
        assert await names(admin, q=q) == {"Ada Lovelace"}, q


async def test_an_exact_qr_code_finds_its_visitor(api: Api):
    admin = await api.admin()
    one, _ = await admin.register(name="one"), await admin.register(name="other")
    assert await names(admin, q=one["qr_code"]) == {"one"}
    assert await names(admin, q=one["qr_code"][:-1]) == set()


async def test_a_changed_name_is_found_and_the_old_one_is_not(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"name": "Augusta King"})
    assert await names(admin, q="augusta") == {"Augusta King"}
    assert await names(admin, q="lovelace") == set()


async def test_order_goes_both_ways_by_creation_and_by_visit(api: Api):
    admin = await api.admin()
    for name, day, time in [("a", 24, "10:00"), ("b", 23, "15:00"), ("c", 24, "09:00")]:
        await admin.register(name=name, visit_date=f"2026-11-{day}", visit_time=time)

    async def ordered(**params: str) -> str:
        items = (await admin.get("visitors/", **params)).json()["items"]
        return "".join(item["name"] for item in items)

    assert await ordered() == "cba"
    assert await ordered(ordering="-created_at") == "cba"
    assert await ordered(ordering="created_at") == "abc"
    assert await ordered(ordering="visit_date") == "bca"
    assert await ordered(ordering="-visit_date") == "acb"


async def test_order_by_name_and_company_ignores_case_and_accents(api: Api):
    admin = await api.admin()
    companies = {"Émile": None, "eve": "żubr", "Zoë": "Zaun", "ANNA": "ähre", "emil": "Ahre"}
    for name, company in companies.items():
        await admin.register(name=name, company=company)
    ids = {item["name"]: item["id"] for item in (await admin.get("visitors/")).json()["items"]}

    async def ordered(ordering: str) -> list[str]:
        items = (await admin.get("visitors/", ordering=ordering)).json()["items"]
        return [item["name"] for item in items]

    by_name = ["ANNA", "emil", "Émile", "eve", "Zoë"]
    assert await ordered("name") == by_name
    assert await ordered("-name") == by_name[::-1]
    assert ids["ANNA"] < ids["emil"]  # equal companies
    assert await ordered("company") == ["ANNA", "emil", "Zoë", "eve", "Émile"]
    assert await ordered("-company") == ["eve", "Zoë", "emil", "ANNA", "Émile"]


async def test_a_long_name_is_sorted_and_followed_by_pages(api: Api):
    admin = await api.admin()
    long = [letter + "ﷺ" * 199 for letter in "ab"]  # each of which decomposes to eighteen
    for name in long:
        await admin.register(name=name, company=name)
    for ordering in ("name", "-name", "company", "-company"):
        page = (await admin.get("visitors/", ordering=ordering, limit=1)).json()
        cursor = page["next_cursor"]
        rest = (await admin.get("visitors/", ordering=ordering, cursor=cursor)).json()
        names = [item["name"] for item in page["items"] + rest["items"]]
        assert names == (long[::-1] if ordering[0] == "-" else long)


async def test_a_host_sees_only_their_own_by_list_count_and_search(api: Api):
    admin, charles, mary = await api.admin(), await api.host(), await api.host("mary@example.com")
    theirs = await charles.register(name="Theirs")
    await admin.register(name="Desk", host_email="charles@example.com")
    own = await mary.register(name="Own")
    await admin.register(name="Nobody", host_email=None, host_name=None)
    assert await names(mary) == {"Own"}
    assert await names(charles) == {"Theirs", "Desk"}
    assert await names(mary, host_email="charles@example.com") == set()
    assert await names(mary, q="theirs") == set()
    assert await names(mary, q=theirs["qr_code"]) == set()
    assert await names(mary, q=own["qr_code"]) == {"Own"}
    for params in ({}, {"q": "t"}, {"q": "o"}):
        answer = await mary.get("visitors/", include_total=True, **params)
        assert answer.json()["total"] == len(answer.json()["items"]) <= 1
    assert await names(admin) == {"Theirs", "Desk", "Own", "Nobody"}
