"""The columns of an upload: what they are called and which words they know. Pure."""

import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.visitors.models import Purpose, VisitorCategory, VisitorType


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field of a registration that it fills, and its header in the template."""

    field: str
    title: str
    required: bool = False
    aliases: tuple[str, ...] = ()


NAME = Column("name", "Name", required=True)
EMAIL = Column("email", "Email", required=True)
VISIT_DATE = Column("visit_date", "Visit Date")
VISIT_TIME = Column("visit_time", "Visit Time")
REQUIRED = (
    NAME,
    EMAIL,
    Column("phone", "Phone", required=True, aliases=("Phone Number",)),
    Column(
        "company",
        "Company/Organization",
        required=True,
        aliases=("Company", "Organization", "Organisation", "Company/Organisation"),
    ),
    Column("visitor_type", "Visitor Type", required=True),
    Column("visitor_category", "Visitor Category", required=True),
)
OPTIONAL = (
    Column("notes", "Notes"),
    Column("purpose", "Purpose"),
    VISIT_DATE,
    VISIT_TIME,
    Column("host_name", "Host Name"),
    Column("host_email", "Host Email"),
)
COLUMNS = REQUIRED + OPTIONAL
BY_FIELD = {column.field: column for column in COLUMNS}

# The example of the template; a row with exactly this name and e-mail address is passed over.
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
# How like a known header another one must be to be taken for a mistyped one.
LIKENESS = 0.8


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())


_BY_HEADER = {_letters(name): c for c in COLUMNS for name in (c.title, *c.aliases)}


def column_of(header: str) -> Column | None:
    """The column of a header, whatever its case, spaces and punctuation."""
    return _BY_HEADER.get(_letters(header))


def mistyped(header: str) -> Column | None:
    """The column that a header which is none was probably meant to be."""
    close = difflib.get_close_matches(_letters(header)[:60], _BY_HEADER, n=1, cutoff=LIKENESS)
    return _BY_HEADER[close[0]] if close else None


def word_of(field: str, text: str) -> str:
    """The word of the API for what people write: `Business meeting`, `GOVT`; else the text."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    word = "_".join("".join(c if c.isalnum() else " " for c in folded).split())
    synonym = SYNONYMS.get(field, {}).get(word)
    return synonym.value if synonym is not None else word or text
