from dataclasses import dataclass
from datetime import datetime

from app.auth.caller import VISITOR
from app.core.db.database import ReadSession
from app.notifications.payloads import VisitPayload
from app.passes.errors import ReplacedPass, UnknownPass
from app.passes.repository import PassReader
from app.passes.state import PassState, state_of
from app.visitors.mails import for_visitor, visit_payload
from app.visitors.models import Visitor
from app.visitors.service import VisitorService


@dataclass(frozen=True, slots=True)
class VisitorPass:
    """A pass at an instant.

    `notifies_host` is false for a host named by the visitor, to hide whether the address has an
    account.
    """

    visit: VisitPayload
    state: PassState
    notifies_host: bool
    checked_in_at: datetime | None


async def find_pass(session: ReadSession, token: str, now: datetime) -> VisitorPass:
    """Return the pass of a genuine token; raise `UnknownPass` or `ReplacedPass`."""
    visitor = await _holder(PassReader(session), token)
    return VisitorPass(
        visit=for_visitor(visit_payload(visitor, visitor.site), visitor),
        state=state_of(visitor, visitor.site, now),
        notifies_host=visitor.host_as_sent is None and visitor.host_email is not None,
        checked_in_at=visitor.checked_in_at,
    )


async def cancel_by_visitor(service: VisitorService, token: str) -> None:
    """Cancel an upcoming visit; otherwise do nothing.

    Locks by token, so that a pass replaced by a concurrent reschedule cannot cancel the new time.
    """
    await service.visitors.lock_by_code(token)
    visitor = await _holder(PassReader(service.unit), token)
    if state_of(visitor, visitor.site, service.now) is PassState.VALID:
        await service.cancel(visitor.id, VISITOR)


async def _holder(passes: PassReader, token: str) -> Visitor:
    visitor = await passes.current(token)
    if visitor is None:
        raise ReplacedPass if await passes.was_replaced(token) else UnknownPass
    return visitor
