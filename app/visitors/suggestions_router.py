from typing import Annotated

from fastapi import APIRouter, Query

from app.auth.guards import VisitorViewer
from app.auth.reading_dependencies import Browsing
from app.core.http.routing import ApiRoute
from app.visitors.suggestion_schemas import SuggestionQuery, Suggestions
from app.visitors.suggestion_statements import suggestions

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


@router.get("/suggest/", operation_id="visitors_suggest", summary="Suggest people")
async def suggest(
    caller: VisitorViewer, session: Browsing, chosen: Annotated[SuggestionQuery, Query()]
) -> Suggestions:
    """Return up to eight people who have visited before, to fill in a registration.

    Visits with the same address are of one person, else those with the same name and company.
    Hosts get their own visitors, others those of their sites; erased visitors are never returned.
    """
    items = await suggestions(session, chosen.q, caller)
    return Suggestions.model_validate({"items": items})
