from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.languages import Language
from app.core.text import SearchText
from app.visitors.models import VisitorCategory, VisitorType

MOST = 8


class SuggestionQuery(BaseModel):
    """What has been typed so far."""

    q: Annotated[SearchText, Field(min_length=2, max_length=200)] = Field(
        description="Beginnings of words of name, e-mail, company or phone, with or without accents"
    )


class Suggestion(BaseModel):
    """A person with the facts of their latest visit, to fill in a registration."""

    name: str = Field(examples=["Ada Lovelace"])
    email: str | None = Field(examples=["ada@example.com"])
    phone: str | None = Field(examples=["+49 (30) 123-456"])
    company: str | None = Field(examples=["Analytical Engines Ltd"])
    visitor_type: VisitorType
    visitor_category: VisitorCategory
    host_id: UUID | None = Field(description="The host's account, unless it is closed")
    host_name: str | None = Field(examples=["Charles Babbage"])
    host_email: str | None = Field(examples=["charles@example.com"])
    language: Language | None = Field(description="Language of the visitor's mails and pass")
    last_visit: date = Field(description="The date of the latest visit, which may lie ahead")


class Suggestions(BaseModel):
    """People whose names begin as typed, the latest visit first."""

    items: list[Suggestion] = Field(max_length=MOST)
