import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.visitors.models import Purpose, VisitorCategory, VisitorType


@dataclass(frozen=True, slots=True)
class Column:
    """A registration field and its header in the template."""

    field: str
    title: str
    required: bool = False
    aliases: tuple[str, ...] = ()


NAME = Column("name", "Name", required=True, aliases=("Full Name", "Vollständiger Name"))
FIRST_NAME = Column("first_name", "First Name", aliases=("Vorname",))
LAST_NAME = Column("last_name", "Last Name", aliases=("Nachname", "Familienname", "Surname"))
NAME_PARTS = (FIRST_NAME, LAST_NAME)
EMAIL = Column("email", "Email", required=True, aliases=("Email Address", "E-Mail-Adresse", "Mail"))
PHONE = Column(
    "phone",
    "Phone",
    required=True,
    aliases=(
        *("Phone Number", "Phone No.", "Mobile", "Mobile Phone", "Mobile Number"),
        *("Telefon", "Telefonnummer", "Handy", "Handynummer", "Mobil", "Mobilnummer"),
    ),
)
COMPANY = Column(
    "company",
    "Company/Organization",
    required=True,
    aliases=(
        *("Company", "Company Name", "Organization", "Organisation", "Company/Organisation"),
        *("Firma", "Unternehmen"),
    ),
)
NOTES = Column("notes", "Notes", aliases=("Notizen",))
VISIT_DATE = Column("visit_date", "Visit Date", aliases=("Besuchsdatum",))
VISIT_TIME = Column("visit_time", "Visit Time", aliases=("Uhrzeit", "Besuchszeit"))
SITE = Column("site_name", "Site", aliases=("Standort",))
DEPARTMENT = Column("department_name", "Department", aliases=("Abteilung",))
REQUIRED = (
    NAME,
    EMAIL,
    PHONE,
    COMPANY,
    Column("visitor_type", "Visitor Type", required=True, aliases=("Type", "Typ", "Besuchertyp")),
    Column(
        "visitor_category",
        "Visitor Category",
        required=True,
        aliases=("Category", "Kategorie", "Besucherkategorie"),
    ),
)
OPTIONAL = (
    NOTES,
    Column("purpose", "Purpose", aliases=("Zweck",)),
    VISIT_DATE,
    VISIT_TIME,
    Column("host_name", "Host Name", aliases=("Host", "Gastgeber")),
    Column("host_email", "Host Email", aliases=("Gastgeber E-Mail",)),
    SITE,
    DEPARTMENT,
)
COLUMNS = REQUIRED + OPTIONAL
BY_FIELD = {column.field: column for column in COLUMNS}
# Columns of our export that an upload cannot set.
OF_EXPORT = ("ID", "Status", "Checked In At", "Checked Out At", "Created At")

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
