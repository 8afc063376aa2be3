"""The rows of a list: which of them are read, and their faults."""

from typing import Any

import pytest
from openpyxl import Workbook

from app.bulk.columns import EXAMPLE_ROW
from app.bulk.workbook import read_list
from tests.bulk.files import HEADER, row, rows, saved, shared, workbook
from tests.bulk.reading import WHEN, only, read, told


def test_blank_rows_between_are_passed_over():
    found = read(workbook([row(1), [], ["  ", "\u00a0"], row(2), [None] * 6, row(3)]))
    assert [candidate.number for candidate in found.candidates] == [2, 5, 7]


def test_the_example_row_is_ignored_until_it_is_changed():
    example = list(EXAMPLE_ROW.values())
    assert [c.number for c in read(workbook([example, row()])).candidates] == [3]
    example[0] = "Maria Beispiel"
    assert [c.number for c in read(workbook([example, row()])).candidates] == [2, 3]


def test_the_example_row_does_not_count_among_the_rows():
    found = read(workbook([list(EXAMPLE_ROW.values()), *rows(20)]))
    assert not found.faults
    assert len(found.candidates) == 20


def test_too_many_rows_are_one_fault():
    assert told(read(workbook(rows(23)))) == [(22, "", "too_many_rows")]
    assert told(read(workbook([*rows(2), *[[]] * 1500, *rows(2, 3)]), 3)) == [
        (1505, "", "too_many_rows")
    ]


@pytest.mark.parametrize("lines", [[], [[]], [list(EXAMPLE_ROW.values())], [["", "  "]]])
def test_no_rows_are_one_fault(lines: list[list[Any]]):
    assert told(read(workbook(lines))) == [(2, "", "empty")]


def test_a_formula_is_a_fault_and_is_never_worked_out():
    line = row(1, "=TODAY()", "=NOW()")
    line[0] = '=HYPERLINK("http://example.com","Ada")'
    assert told(read(workbook([line], WHEN))) == [
        (2, "Name", "formula"),
        (2, "Visit Date", "formula"),
        (2, "Visit Time", "formula"),
    ]


def test_an_error_of_the_spreadsheet_is_a_fault():
    line = row()
    line[3] = "#N/A"
    assert told(read(workbook([line]))) == [(2, "Company/Organization", "cell_error")]


@pytest.mark.parametrize(
    ("area", "faults"),
    [
        ("D2:D3", [(2, "Company/Organization", "merged_cells")]),
        ("A3:B3", [(3, "Name", "merged_cells")]),
        ("H2:I3", []),
        ("A9:F9", []),
    ],
)
def test_merged_cells_among_the_rows_are_faults(area: str, faults: list[tuple[int, str, str]]):
    book = Workbook()
    sheet = book.worksheets[0]
    for line in (HEADER, row(1), row(2)):
        sheet.append(line)
    sheet.merge_cells(area)
    assert [fault for fault in told(read(saved(book))) if fault[2] == "merged_cells"] == faults


def test_missing_and_repeated_headers_are_reported_by_name():
    header = ["Name", "Email", "Full Name", "Company", "Visitor Type"]
    line = ["Ada", "ada@example.com", "Ada", "Engines Ltd", "student"]
    found = read(workbook([line], header))
    assert told(found) == [
        (1, "Phone", "missing_column"),
        (1, "Visitor Category", "missing_column"),
        (1, "Name", "duplicate_column"),
    ]
    assert "“Name” and “Full Name” all mean Name" in found.faults[-1].message


@pytest.mark.parametrize("position", range(6))
def test_every_column_with_a_star_has_to_be_filled(position: int):
    line = row()
    line[position] = None
    assert [code for _, _, code in told(read(workbook([line])))] == ["missing"]


@pytest.mark.parametrize(
    ("position", "value", "code"),
    [
        (0, "A" * 201, "too_long"),
        (0, "Ada_x0007_Lovelace", "invalid_text"),
        (1, "ada@", "invalid_email"),
        (2, "call me", "invalid_phone"),
        (2, "1" * 33, "too_long"),
        (3, "C" * 5000, "too_long"),
        (4, "boss", "unknown_value"),
        (5, "circus", "unknown_value"),
        (6, "N" * 2001, "too_long"),
        (7, "fun", "unknown_value"),
        (8, "H" * 201, "too_long"),
        (9, "nobody", "invalid_email"),
    ],
)
def test_the_rules_of_fields_are_those_of_a_registration(position: int, value: str, code: str):
    header = [*HEADER, "Notes", "Purpose", "Host Name", "Host Email"]
    line = row(1, "", "", "", "")
    line[position] = value
    (fault,) = read(workbook([line], header)).faults
    assert fault.code == code
    assert fault.column == header[position].rstrip("*")
    assert fault.message[0].isupper()
    assert "string" not in fault.message.lower()


def test_a_faulty_value_is_not_replaced_by_the_common_one():
    found = read(workbook([row(1, "soon", "10:00")], WHEN))
    assert found.candidates[0].day is None
    assert [code for _, _, code in told(found)] == ["invalid_date"]


def test_a_cell_escape_is_read_but_makes_no_half_character():
    line = row(1, "one_x000A_two_xD800_")
    assert only(read(workbook([line], [*HEADER, "Notes"]))).notes == "one two_xD800_"


def test_shared_texts_are_read_like_those_in_the_cells():
    data = workbook(rows(3))
    assert read_list(shared(data), 20).rows == read_list(data, 20).rows
