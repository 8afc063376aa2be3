from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from app.auth.caller import VISITOR
from app.core.db.database import ReadSession
from app.core.languages import Language
from app.notifications.payloads import VisitPayload
from app.passes.errors import ReplacedPass, UnknownPass
from app.passes.repository import PassReader
from app.passes.state import PassState, state_of
from app.sites.logo_repository import LogoReader
from app.visitors.mails import for_visitor, visit_payload
from app.visitors.models import Presence, Visitor
from app.visitors.service import VisitorService
from app.visitors.stay_repository import StayReader


@dataclass(frozen=True, slots=True)
class VisitorPass:
    """A pass at an instant.

    `language` is the visitor's, if known. `notifies_host` is false for a host named by the visitor,
    to hide whether the address has an account.
    """

    visit: VisitPayload
    language: Language | None
    state: PassState
    notifies_host: bool
    checked_in_at: datetime | None


async def find_pass(session: ReadSession, token: str, now: datetime) -> VisitorPass:
    """Return the pass of a genuine token; raise `UnknownPass` or `ReplacedPass`."""
    visitor = await _holder(PassReader(session), token)
    logo = await LogoReader(session).png_of(visitor.site)
    shown = visit_payload(visitor, visitor.site).model_copy(
        update={"logo": logo and b64encode(logo).decode()}
    )
    return VisitorPass(
        visit=for_visitor(shown, visitor),
        language=visitor.language,
        state=state_of(visitor, visitor.site, now),
        notifies_host=visitor.host_as_sent is None and visitor.host_email is not None,
        checked_in_at=await _inside_since(session, visitor),
    )


async def cancel_by_visitor(service: VisitorService, token: str) -> None:
    """Cancel an upcoming visit; otherwise do nothing.

    Locks by token, so that a pass replaced by a concurrent reschedule cannot cancel the new time.
    """
    await service.visitors.lock_by_code(token)
    visitor = await _holder(PassReader(service.unit), token)
    if state_of(visitor, visitor.site, service.now) is PassState.VALID:
        await service.cancel(visitor.id, VISITOR)


async def _inside_since(session: ReadSession, visitor: Visitor) -> datetime | None:
    if visitor.presence is not Presence.INSIDE:
        return None
    newest = (await StayReader(session).newest([visitor])).get(visitor.id)
    return newest.in_at if newest else None


async def _holder(passes: PassReader, token: str) -> Visitor:
    visitor = await passes.current(token)
    if visitor is None:
        raise ReplacedPass if await passes.was_replaced(token) else UnknownPass
    return visitor
