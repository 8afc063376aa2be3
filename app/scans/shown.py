"""What a refusal tells of the visitor, so that a document can be compared.

It is read from the visit for each response, and never stored with the scan.
"""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.core.times import WallTime
from app.visitors.models import Visitor


class RescheduledVisitor(BaseModel):
    """The visitor of an old code."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    company: str | None


class RefusedVisitor(RescheduledVisitor):
    """The visitor as shown to the guard in a refusal."""

    host_name: str | None
    visit_date: date
    visit_time: WallTime


def shown_of(
    kind: type[RescheduledVisitor] | None,
    visitor: Visitor | None,
    token: str,
    *,
    is_rescheduled: bool,
    gate_site: UUID | None,
) -> RescheduledVisitor | None:
    """Return the visitor as the kind of a refusal shows them, or None.

    A repeated response shows nobody once the code is no longer the visit's, or the visit is at
    another site than the gate. `is_rescheduled` is whether a former code was outdated by a move.
    """
    if kind is None or visitor is None or gate_site not in {None, visitor.site_id}:
        return None
    is_known = visitor.qr_code == token if kind is RefusedVisitor else is_rescheduled
    return kind.model_validate(visitor) if is_known else None
