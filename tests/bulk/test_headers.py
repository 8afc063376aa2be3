"""The names of columns, and the two columns of a name."""

from typing import Any

import pytest

from app.bulk.columns import column_of
from tests.bulk.files import HEADER, row, workbook
from tests.bulk.reading import only, read, told

SPLIT = ["Vorname", "Nachname", *HEADER[1:]]


def split(first: Any, last: Any) -> bytes:
    return workbook([[first, last, *row()[1:]]], SPLIT)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Full Name", "name"),
        ("Vollständiger Name", "name"),
        ("Vollsta\u0308ndiger Name", "name"),
        ("Email Address", "email"),
        ("E-Mail-Adresse", "email"),
        ("Phone No.", "phone"),
        ("Mobile", "phone"),
        ("Telefon", "phone"),
        ("Telefonnummer", "phone"),
        ("Handy", "phone"),
        ("Mobil", "phone"),
        ("Company", "company"),
        ("Firma", "company"),
        ("Unternehmen", "company"),
        ("Organisation", "company"),
        ("Type", "visitor_type"),
        ("Typ", "visitor_type"),
        ("Besuchertyp", "visitor_type"),
        ("Kategorie", "visitor_category"),
        ("Besucherkategorie", "visitor_category"),
        ("Notizen", "notes"),
        ("Gastgeber", "host_name"),
        ("Site", "site_name"),
        ("Standort", "site_name"),
        ("Department", "department_name"),
        ("Abteilung", "department_name"),
        ("Zweck", "purpose"),
        ("Besuchsdatum", "visit_date"),
        ("Uhrzeit", "visit_time"),
        ("First Name", "first_name"),
        ("Vorname", "first_name"),
        ("Last Name", "last_name"),
        ("Nachname", "last_name"),
    ],
)
def test_usual_other_names_are_known(header: str, field: str):
    for spelling in (header, f" {header.upper()} *", f"{header}\u200b:"):
        column = column_of(spelling.replace("\u200b", ""))
        assert column is not None
        assert column.field == field


def test_a_german_list_is_read():
    header = ["Vorname", "Nachname", "E-Mail-Adresse", "Handy", "Firma", "Typ", "Kategorie"]
    line = ["Zoë", "Müller", "zoe@example.com", "0301234", "Werk", "student", "academic"]
    visitor = only(read(workbook([[*line, "Käse"]], [*header, "Notizen"])))
    assert (visitor.name, visitor.phone, visitor.notes) == ("Zoë Müller", "0301234", "Käse")


def test_first_and_last_name_make_the_name_and_one_is_enough():
    assert only(read(split("Ada", "Lovelace"))).name == "Ada Lovelace"
    assert only(read(split(" Ada ", None))).name == "Ada"
    assert only(read(split(None, "Lovelace"))).name == "Lovelace"


def test_faults_of_two_columns_are_reported_like_those_of_one():
    assert told(read(split(None, " "))) == [(2, "Name", "missing")]
    assert told(read(split("=B1", "Lovelace"))) == [(2, "First Name", "formula")]
    assert told(read(split("A" * 150, "B" * 150))) == [(2, "Name", "too_long")]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (["Vorname", *HEADER[1:]], (1, "Last Name", "missing_column")),
        (["Nachname", *HEADER[1:]], (1, "First Name", "missing_column")),
        (["Name", "Vorname", *HEADER[1:]], (1, "Name", "duplicate_column")),
    ],
)
def test_half_a_name_and_two_names_are_faults_of_the_header(
    header: list[str], fault: tuple[int, str, str]
):
    line = [*["Ada"] * (len(header) - 5), *row()[1:]]
    assert told(read(workbook([line], header))) == [fault]
