from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.text import Reason
from app.scans.overrides import OVERRIDABLE


def _overridable(code: str) -> str:
    if code not in OVERRIDABLE:
        raise ValueError(f"cannot be overridden: use {', '.join(OVERRIDABLE)}")
    return code


def _distinct(codes: Sequence[str]) -> Sequence[str]:
    if len({*codes}) < len(codes):
        raise ValueError("must not repeat a code")
    return codes


OverridableCode = Annotated[
    str, AfterValidator(_overridable), Field(json_schema_extra={"enum": list(OVERRIDABLE)})
]


class Override(BaseModel):
    """Exactly the refusals that hold, to be overridden, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"codes": ["slot_full"], "reason": "The board has invited this guest"}
        },
    )

    codes: Annotated[list[OverridableCode], AfterValidator(_distinct)] = Field(
        min_length=1, max_length=len(OVERRIDABLE), json_schema_extra={"uniqueItems": True}
    )
    reason: Reason

    def details(self) -> dict[str, Any]:
        """Return what the audit log says of it."""
        return {"overridden": self.codes, "reason": self.reason}
