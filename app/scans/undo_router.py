from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from app.auth.guards import VisitorEditor
from app.auth.idempotency_dependencies import Once
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute
from app.scans.undo_service import UndoService
from app.services import services
from app.visitors.dependencies import IfCurrent
from app.visitors.errors import NothingToUndo, NotYourAct, SeatGone, UndoExpired
from app.visitors.undo_schemas import Undo, Undone

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


async def _undo_service(request: Request, unit: Writing, now: Now) -> UndoService:
    ours = services(request)
    return UndoService(unit, ours.qr_tokens, ours.wake_outbox, now)


WITHOUT_REASON = Undo()


@router.post(
    "/{visitor_id:uuid}/undo/",
    operation_id="visitors_undo",
    summary="Undo what was last done to a visit",
    dependencies=[Once, IfCurrent],
    responses=problems(NotFound, NothingToUndo, UndoExpired, SeatGone, NotYourAct, UpdateUnderWay),
)
async def undo(
    visitor_id: UUID,
    caller: VisitorEditor,
    service: Annotated[UndoService, Depends(_undo_service)],
    body: Undo = WITHOUT_REASON,
) -> Undone:
    """Undo the newest check-in, check-out, cancellation or completion that stands.

    Everybody undoes their own acts within 15 minutes, admins those of all, gates included, within
    24 hours. A visit that was cancelled keeps its code, takes a seat again, and is mailed like a
    registration. A host who was told of an arrival is told that it is withdrawn. `consequences`
    are the mails that had left.
    """
    return await service.undo(visitor_id, body.reason, caller)
