import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.core.text import Email, OptionalLine
from app.visitors.exported import exported
from app.visitors.models import Purpose, VisitorCategory, VisitorType
from app.visitors.schemas import STAY_FIELDS, ExportedVisitor, VisitorDetails


@dataclass(frozen=True, slots=True)
class Column:
    """A registration field and its header in the template."""

    field: str
    title: str
    required: bool = False
    aliases: tuple[str, ...] = ()


class RowDetails(VisitorDetails):
    """A registration that names its site and department; its visitor has an address."""

    email: Email
    site_name: OptionalLine = None
    department_name: OptionalLine = None


ALIASES: Mapping[str, tuple[str, ...]] = {
    "name": ("Full Name", "Vollständiger Name"),
    "email": ("Email Address", "E-Mail-Adresse", "Mail"),
    "phone": (
        *("Phone Number", "Phone No.", "Mobile", "Mobile Phone", "Mobile Number"),
        *("Telefon", "Telefonnummer", "Handy", "Handynummer", "Mobil", "Mobilnummer"),
    ),
    "company": (
        *("Company", "Company Name", "Organization", "Organisation", "Company/Organisation"),
        *("Firma", "Unternehmen"),
    ),
    "visitor_type": ("Type", "Typ", "Besuchertyp"),
    "visitor_category": ("Category", "Kategorie", "Besucherkategorie"),
    "notes": ("Notizen",),
    "purpose": ("Zweck",),
    "visit_date": ("Besuchsdatum",),
    "visit_time": ("Uhrzeit", "Besuchszeit"),
    "host_name": ("Host", "Gastgeber"),
    "host_email": ("Gastgeber E-Mail",),
    "site_name": ("Standort",),
    "department_name": ("Abteilung",),
}
"""Usual headers of a field, other than its title, in the order of the template."""

_REQUIRED = {"name", "email", "phone", "company", "visitor_type", "visitor_category"}
_EXPORTED = {field: mark.title for field, mark in exported(ExportedVisitor).items()}
# The titles of the template that are not those of the export.
_TITLES = _EXPORTED | {"company": "Company/Organization", "notes": "Notes"}

# A list has the fields above, and every other field of the export that visitors themselves have.
COLUMNS = tuple(
    Column(field, _TITLES[field], field in _REQUIRED, ALIASES.get(field, ()))
    for field in dict.fromkeys((*ALIASES, *_EXPORTED))
    if field in RowDetails.model_fields and field not in STAY_FIELDS
)
REQUIRED = tuple(column for column in COLUMNS if column.required)
OPTIONAL = tuple(column for column in COLUMNS if not column.required)
BY_FIELD = {column.field: column for column in COLUMNS}
NAME, EMAIL, PHONE = BY_FIELD["name"], BY_FIELD["email"], BY_FIELD["phone"]
VISIT_DATE, VISIT_TIME = BY_FIELD["visit_date"], BY_FIELD["visit_time"]
SITE, DEPARTMENT = BY_FIELD["site_name"], BY_FIELD["department_name"]
FIRST_NAME = Column("first_name", "First Name", aliases=("Vorname",))
LAST_NAME = Column("last_name", "Last Name", aliases=("Nachname", "Familienname", "Surname"))
NAME_PARTS = (FIRST_NAME, LAST_NAME)
# Columns of our export that an upload cannot set.
OF_EXPORT = tuple(title for field, title in _EXPORTED.items() if field not in BY_FIELD)

# A row with exactly this name and e-mail address is skipped.
EXAMPLE_ROW = {
    "name": "Maria Example",
    "email": "maria.example@example.com",
    "phone": "+49 30 123456",
    "company": "Example Works Ltd",
    "visitor_type": VisitorType.PROFESSIONAL.value,
    "visitor_category": VisitorCategory.INDUSTRY.value,
}

WORDS: Mapping[str, type[StrEnum]] = {
    "visitor_type": VisitorType,
    "visitor_category": VisitorCategory,
    "purpose": Purpose,
}
SYNONYMS: Mapping[str, Mapping[str, StrEnum]] = {
    "visitor_type": {
        "emp": VisitorType.PROFESSIONAL,
        "employee": VisitorType.PROFESSIONAL,
        "prof": VisitorType.PROFESSIONAL,
    },
    "visitor_category": {
        "industrial": VisitorCategory.INDUSTRY,
        "academy": VisitorCategory.ACADEMIC,
        "education": VisitorCategory.ACADEMIC,
        "govt": VisitorCategory.GOVERNMENT,
    },
}
# Above this similarity a header counts as mistyped.
LIKENESS = 0.8


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


_BY_HEADER = {
    _letters(name): column
    for column in (*COLUMNS, *NAME_PARTS)
    for name in (column.title, *column.aliases)
}
_OF_EXPORT = frozenset(_letters(title) for title in OF_EXPORT)


def column_of(header: str) -> Column | None:
    """Return the column of a header, ignoring case, spaces and punctuation."""
    return _BY_HEADER.get(_letters(header))


def is_of_export(header: str) -> bool:
    return _letters(header) in _OF_EXPORT


def mistyped(header: str) -> Column | None:
    """Return the column that an unknown header probably means."""
    close = difflib.get_close_matches(_letters(header)[:60], _BY_HEADER, n=1, cutoff=LIKENESS)
    return _BY_HEADER[close[0]] if close else None


def word_of(field: str, text: str) -> str:
    """Return the API's value of a spelling (`Business meeting`, `GOVT`), else the text."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    word = "_".join("".join(c if c.isalnum() else " " for c in folded).split())
    synonym = SYNONYMS.get(field, {}).get(word)
    return synonym.value if synonym is not None else word or text
