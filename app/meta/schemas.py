from pydantic import BaseModel, Field


class Word(BaseModel):
    """A word of an enumeration."""

    value: str = Field(examples=["no_show"])
    labels: dict[str, str] = Field(
        description="For people, by language", examples=[{"en": "No-show", "de": "Nicht gekommen"}]
    )


class Limits(BaseModel):
    """The most that one request may hold."""

    page_items: int = Field(description="`limit` of a list")
    group_visitors: int
    co_hosts: int
    offline_scans: int
    muster_marks: int
    delegates: int
    duration_minutes: int = Field(description="Planned minutes of a visit")
    name_characters: int
    notes_characters: int
    body_bytes: int
    upload_bytes: int = Field(description="A workbook")
    logo_bytes: int


class Meta(BaseModel):
    """What a client needs to know before it asks for anything else."""

    version: str = Field(description="Of the service", examples=["1.0.0"])
    languages: list[str] = Field(examples=[["en", "de"]])
    enums: dict[str, list[Word]] = Field(
        description="By name; `problem_code` are the `code`s of problems. New words may be added"
    )
    limits: Limits
