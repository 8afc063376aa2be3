from pydantic import BaseModel, Field

from app.core.errors import Problem


class CursorTooOld(Problem):
    status, code, title = 410, "cursor_too_old", "Events after this number were deleted"

    class Members(BaseModel):
        oldest: int = Field(description="The smallest `after` that is answered, besides 0")
