"""Request and response bodies of delegates."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MOST_DELEGATES = 10


class Delegates(BaseModel):
    """The accounts that act for a host."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"user_ids": ["01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c14"]}},
    )

    user_ids: list[UUID] = Field(
        max_length=MOST_DELEGATES,
        description="Ids of active accounts, not of guards; a later PUT replaces all of them",
    )
