"""The Excel template: list, hosts and instructions."""

from collections.abc import Iterator, Sequence
from datetime import time
from math import ceil

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from app.bulk.columns import EXAMPLE_ROW, OPTIONAL, REQUIRED, SYNONYMS, WORDS
from app.bulk.sheets import (
    FONT_NAME,
    LINE,
    TEXT_FORMAT,
    WRAPPED,
    as_bytes,
    cell_at,
    offer_words,
    write_header,
    write_text,
)
from app.bulk.template_facts import TemplateFacts
from app.slots.rules import OpeningRules

WIDTHS = (28, 32, 20, 30, 18, 20)
EXAMPLE_FONT = Font(FONT_NAME, 11, italic=True, color="6B7280")
TOPIC_FONT = Font(FONT_NAME, 11, bold=True)
# Fewer than fit: fonts differ, and programs do not recount lines.
CHARACTERS_OF_LINE = 80
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def make_template(facts: TemplateFacts) -> bytes:
    workbook = Workbook()
    sheet: Worksheet = workbook.worksheets[0]
    sheet.title = "Visitors"
    _fill_visitors(sheet, facts.max_rows)
    _fill_hosts(workbook.create_sheet("Hosts"), facts.hosts)
    _fill_instructions(workbook.create_sheet("Instructions"), facts)
    return as_bytes(workbook)


def _fill_visitors(sheet: Worksheet, max_rows: int) -> None:
    write_header(sheet, [f"{column.title}*" for column in REQUIRED], WIDTHS)
    rows = range(2, 3 + max_rows)  # the example and the maximum number of visitors
    for position, column in enumerate(REQUIRED, start=1):
        cell = cell_at(sheet, 2, position)
        write_text(cell, EXAMPLE_ROW[column.field])
        cell.font = EXAMPLE_FONT
        if column.field in WORDS:
            offer_words(sheet, cell.column_letter, list(WORDS[column.field]), rows)
        if column.field == "phone":  # a number would lose its leading zeros
            for row in rows:
                sheet.cell(row, position).number_format = TEXT_FORMAT


def _fill_hosts(sheet: Worksheet, hosts: Sequence[tuple[str, str]]) -> None:
    write_header(sheet, ("Name", "Email"), (36, 44))
    for row, host in enumerate(hosts, start=2):
        for position, text in enumerate(host, start=1):
            write_text(cell_at(sheet, row, position), text)


def _fill_instructions(sheet: Worksheet, facts: TemplateFacts) -> None:
    write_header(sheet, ("Topic", "What to know"), (26, 96))
    for row, texts in enumerate(_instructions(facts), start=2):
        for position, text in enumerate(texts, start=1):
            cell = cell_at(sheet, row, position)
            write_text(cell, text)
            cell.alignment = WRAPPED
        sheet.cell(row, 1).font = TOPIC_FONT
        sheet.row_dimensions[row].height = LINE * ceil(len(texts[1]) / CHARACTERS_OF_LINE)


def _instructions(facts: TemplateFacts) -> Iterator[tuple[str, str]]:
    example = f"{EXAMPLE_ROW['name']}, {EXAMPLE_ROW['email']}"
    limit = f"At most {facts.max_rows} visitors and {_size(facts.max_bytes)} in one file."
    yield "Limits", f"{limit} Either all visitors are registered or none."
    yield "Example row", f"Overwrite, delete or leave it: it is skipped ({example})."
    yield "Columns with *", "Required in every row."
    yield "Rows", "A row without name, e-mail address and phone is skipped."
    yield "Hidden rows", "Show or delete them: hidden rows with visitors are refused."
    yield "Phone*", "3 to 32 characters: digits, spaces and + - ( ) ."
    for column in REQUIRED:
        if column.field in WORDS:
            yield f"{column.title}*", f"{_words(column.field)}{_synonyms(column.field)}"
    titles = ", ".join(column.title for column in OPTIONAL)
    yield "Optional columns", f"{titles}. They override the values chosen for all rows."
    yield "Visit Date", "A spreadsheet date, or text such as 2026-11-23."
    yield "Visit Time", "A spreadsheet time, or text such as 09:30. Local to the site."
    yield "Purpose", _words("purpose")
    yield (
        "Host Email",
        "The host's e-mail address. Each host gets one mail for all visitors in the file.",
    )
    yield "Site", "The name of the site, if it differs from the one chosen for all rows."
    yield "Department", "The name of the department."
    yield "Other columns", "Delete them: unknown columns that are not empty are refused."
    yield f"Opening hours, {facts.site_name}", _opening(facts.opening)
    yield "Not supported", "Formulas, merged cells, password-protected files, the old .xls format."


def _words(field: str) -> str:
    return f"One of: {', '.join(WORDS[field])}."


def _synonyms(field: str) -> str:
    pairs = (f"{word} = {meant.value}" for word, meant in SYNONYMS.get(field, {}).items())
    return f" Also accepted: {', '.join(pairs)}."


def _size(size: int) -> str:
    mebibytes = size / (1024 * 1024)
    return f"{mebibytes:.3g} MiB" if mebibytes >= 1 else f"{size // 1024} KiB"


def _opening(site: OpeningRules) -> str:
    closes = "24:00" if site.closes_at == time(0) else f"{site.closes_at:%H:%M}"
    ahead = f"Bookable at least {site.booking_lead_minutes} minutes"
    return (
        f"{_weekdays(site.open_weekdays)}, {site.opens_at:%H:%M} to {closes} ({site.timezone})."
        f" {ahead} and at most {site.booking_horizon_days} days ahead."
    )


def _weekdays(numbers: Sequence[int]) -> str:
    days = sorted(set(numbers))
    names = [WEEKDAYS[day - 1] for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names) or "Closed"
