"""The parts of a workbook that are not read: refused, or named in the response."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from openpyxl import Workbook

from app.bulk.columns import EXAMPLE_ROW, OF_EXPORT
from app.bulk.faults import HiddenRows, SeveralLists, UnknownColumns, UnreadableWorkbook
from app.bulk.leftovers import MAX_ROWS, documents
from app.bulk.workbook import read_list
from tests.bulk.files import HEADER, part, repacked, row, rows, saved, upload, workbook
from tests.support.api import Api
from tests.support.problems import problem

Lines = Sequence[Sequence[Any]]
LIST: Lines = [HEADER, row()]


def book_of(**sheets: Lines) -> Workbook:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(list(line))
    return book


def ignored(data: bytes, **how: bool) -> list[dict[str, Any]]:
    return documents(read_list(data, 20, **how).ignored)


def refused(data: bytes) -> UnreadableWorkbook:
    with pytest.raises(UnreadableWorkbook) as caught:
        read_list(data, 20)
    return caught.value


# -- sheets ---------------------------------------------------------------------------------------


def test_a_header_only_and_other_sheets_are_listed():
    book = book_of(
        Guests=LIST,
        Next=[HEADER],
        Example=[HEADER, list(EXAMPLE_ROW.values())],
        Hosts=[["Name", "Email"], ["Grace", "grace@example.com"]],
        Remarks=[["Call me"]],
        Blank=[],
    )
    found = read_list(saved(book), 20)
    assert found.members() == {
        "sheet": "Guests",
        "ignored": [
            {"sheet": "Next", "reason": "no_visitors"},
            {"sheet": "Example", "reason": "no_visitors"},
            {"sheet": "Hosts", "reason": "no_list"},
            {"sheet": "Remarks", "reason": "no_list"},
        ],
    }


def test_the_sheet_with_visitors_is_read_wherever_it_is():
    assert read_list(saved(book_of(Empty=[HEADER], Guests=LIST)), 20).members()["sheet"] == "Guests"


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_list_is_listed_and_not_read(state: Literal["hidden", "veryHidden"]):
    book = book_of(Guests=LIST, Old=[HEADER, row(2)])
    book["Old"].sheet_state = state
    found = read_list(saved(book), 20)
    assert [line.values["name"] for line in found.rows] == ["Guest 1"]
    assert found.members()["ignored"] == [{"sheet": "Old", "reason": "hidden"}]


@pytest.mark.parametrize("header", [HEADER, ["Vorname", "Nachname", "E-Mail"]])
def test_every_list_counts_the_incomplete_ones_too(header: list[str]):
    verdict = refused(saved(book_of(A=LIST, B=[header, row(2)], C=[["x"]])))
    assert isinstance(verdict, SeveralLists)
    assert verdict.members() == {"sheets": ["A", "B"]}


def test_sheets_beyond_the_twentieth_are_listed():
    book = book_of(Guests=LIST, **{f"Sheet{n}": [] for n in range(20)})
    assert ignored(saved(book)) == [{"sheet": "Sheet19", "reason": "too_many_sheets"}]


# -- columns --------------------------------------------------------------------------------------


def test_an_unknown_column_that_holds_something_is_named():
    lines = [row(1, "K-17", None, 3), row(2)]
    data = workbook(lines, [*HEADER, "Badge", "Blank"])
    verdict = refused(data)
    assert isinstance(verdict, UnknownColumns)
    assert verdict.members() == {
        "sheet": "Sheet",
        "columns": ["Badge", "I"],
        "ignored": [{"column": "Blank", "reason": "empty"}],
    }
    assert "“Badge” and “I”" in verdict.message
    assert ignored(data, ignore_columns=True) == [
        {"column": "Blank", "reason": "empty"},
        {"column": "Badge", "reason": "unknown"},
        {"column": "I", "reason": "unknown"},
    ]


def test_a_mistyped_header_is_reported_with_a_guess():
    verdict = refused(workbook([row(1, "2026-11-24")], [*HEADER, "Visit Dat"]))
    assert "“Visit Dat” (did you mean Visit Date?)" in verdict.message


def test_a_column_far_to_the_right_is_not_forgotten():
    verdict = refused(workbook([row(1, *[None] * 60, "x")]))
    assert verdict.members()["columns"] == ["BO"]


def test_formulas_that_show_nothing_make_no_column():
    assert ignored(workbook([row(1, '=IF(A2="","","")')])) == []


def test_a_hidden_column_counts_and_is_listed():
    book = book_of(Guests=LIST)
    book["Guests"].column_dimensions["C"].hidden = True
    found = read_list(saved(book), 20)
    assert found.rows[0].values["phone"] == "+49 30 123456"
    assert found.members()["ignored"] == [{"column": "Phone*", "reason": "hidden_but_read"}]


def test_a_hidden_unknown_column_is_refused_like_a_visible_one():
    book = book_of(Guests=[[*HEADER, "Badge"], row(1, "K-17")])
    book["Guests"].column_dimensions["G"].width = 0
    assert refused(saved(book)).members()["columns"] == ["Badge"]


def test_columns_that_a_registration_cannot_set_are_ignored():
    instants = ["Checked In At", "Checked Out At", "Created At"]
    further = ["Host Phone", "Gate", "Group", "Presence", "Duration", "Time Zone"]
    assert list(OF_EXPORT) == ["ID", "Status", *instants, *further]


# -- rows -----------------------------------------------------------------------------------------


def hidden(*numbers: int, count: int = 3) -> bytes:
    book = book_of(Guests=[HEADER, *rows(count)])
    for number in numbers:
        book["Guests"].row_dimensions[number].hidden = True
    return saved(book)


def test_hidden_rows_with_visitors_are_named():
    verdict = refused(hidden(2, 4))
    assert isinstance(verdict, HiddenRows)
    assert verdict.members() == {"sheet": "Guests", "rows": [2, 4], "ignored": []}
    assert "Rows 2 and 4 are hidden" in verdict.message
    found = read_list(hidden(2, 4), 20, include_hidden=True)
    assert [line.number for line in found.rows] == [2, 3, 4]


def test_a_row_without_height_is_hidden():
    sheet = part(hidden(3), "xl/worksheets/sheet1.xml").replace('hidden="1"', 'ht="0"')
    verdict = refused(repacked(hidden(3), {"xl/worksheets/sheet1.xml": sheet.encode()}))
    assert verdict.members()["rows"] == [3]


def test_a_hidden_row_without_a_visitor_is_listed():
    book = book_of(Guests=[*LIST, [None] * 4 + ["student"]])
    book["Guests"].row_dimensions[3].hidden = True
    assert ignored(saved(book)) == [{"row": 3, "reason": "no_visitor"}]


def test_rows_that_hold_something_and_no_visitor_are_listed():
    book = book_of(
        Guests=[
            ["Visitors of the week"],
            [],
            HEADER,
            list(EXAMPLE_ROW.values()),
            row(1),
            [None, " ", "\u3164", "Engines Ltd"],
            ['=IF(1=1,"","")'],
        ]
    )
    found = read_list(saved(book), 20)
    assert [line.number for line in found.rows] == [5]
    assert found.members()["ignored"] == [
        {"row": 1, "reason": "above_header"},
        {"row": 4, "reason": "example"},
        {"row": 6, "reason": "no_visitor"},
    ]


@pytest.mark.parametrize("position", range(3))
def test_a_name_an_address_or_a_phone_makes_a_visitor(position: int):
    line: list[Any] = [None] * 6
    line[position] = row()[position]
    assert [found.number for found in read_list(workbook([line]), 20).rows] == [2]


def test_an_empty_formula_beside_a_visitor_is_a_fault():
    line = row()
    line[3] = '=IF(1=1,"","")'
    assert [fault.code for fault in read_list(workbook([line]), 20).faults] == ["formula"]


def test_a_formula_that_shows_a_name_makes_a_visitor():
    data = workbook([["=B1"]])
    sheet = part(data, "xl/worksheets/sheet1.xml")
    shown = sheet.replace("<f>B1</f><v />", "<f>B1</f><v>Ada</v>").replace(
        "<f>B1</f><v></v>", "<f>B1</f><v>Ada</v>"
    )
    assert shown != sheet
    faults = read_list(repacked(data, {"xl/worksheets/sheet1.xml": shown.encode()}), 20).faults
    assert faults[0].code == "formula"


def test_of_many_rows_the_first_and_the_next_number_are_named():
    told = ignored(workbook([row(), *[[None] * 4 + ["student"]] * (MAX_ROWS + 3)]))
    assert len(told) == MAX_ROWS + 1
    assert told[-1] == {"row": MAX_ROWS + 3, "reason": "further_rows"}


# -- answers --------------------------------------------------------------------------------------


async def test_every_answer_says_what_was_read(api: Api):
    admin = await api.admin()
    told = {"sheet": "Guests", "ignored": [{"sheet": "Notes", "reason": "no_list"}]}
    sound = saved(book_of(Guests=LIST, Notes=[["x"]]))
    faulty = saved(book_of(Guests=[HEADER, [*row()[:5], "circus"]], Notes=[["x"]]))
    crowded = saved(book_of(Guests=[HEADER, *rows(20, 100)], Notes=[["x"]]))
    answers = {
        200: await upload(admin, sound, query="?dry_run=true"),
        201: await upload(admin, sound),
        422: await upload(admin, faulty),
        409: await upload(admin, crowded),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        assert told.items() <= answer.json().items(), status


async def test_a_choice_is_only_taken_where_it_is_made(api: Api):
    admin = await api.admin()
    data = workbook([row(1, "K-17")], [*HEADER, "Badge"])
    problem(await upload(admin, data), 422, "unknown_column")
    problem(await upload(admin, data, query="?include_hidden=true"), 422, "unknown_column")
    taken = await upload(admin, data, query="?ignore_columns=true")
    assert taken.json()["ignored"] == [{"column": "Badge", "reason": "unknown"}]
