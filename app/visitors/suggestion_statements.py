"""People known from their visits, found while somebody types."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, String, all_, bindparam, case, func, select

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.prepared import PLANNED_ANEW, Query
from app.users.models import User
from app.visitors.list_statements import NARROWS, SHAPES, VisitorFilter
from app.visitors.models import Visitor
from app.visitors.suggestion_schemas import MOST, Suggestion

# Visits read at once: mostly enough for all people, and soon found where many match.
AT_ONCE = 50

# Equal for all visits of a person: the address, else name and company.
_PERSON = func.coalesce(
    func.lower(Visitor.email),
    func.search_fold(Visitor.name) + "\n" + func.coalesce(func.search_fold(Visitor.company), ""),
)
_OTHERWISE: dict[str, Any] = {
    "host_id": case((User.is_active, Visitor.host_id)),
    "last_visit": Visitor.visit_date,
}
_FACTS = tuple(Suggestion.model_fields)


async def suggestions(session: ReadSession, q: str, caller: Caller) -> list[dict[str, Any]]:
    """Return people in scope by their latest visits.

    Where somebody has more visits than are read at once, the others are looked for again.
    """
    values = VisitorFilter(q=q).values(caller.scope)
    found: dict[str, dict[str, Any]] = {}
    while len(found) < MOST:
        statement = _latest(tuple(values), others=bool(found))
        rows = await session.fetch(statement, **values, known=list(found), rows=AT_ONCE)
        for person, *facts in rows:
            found.setdefault(person, dict(zip(_FACTS, facts, strict=True)))
        if len(rows) < AT_ONCE:
            break
    return list(found.values())[:MOST]


@lru_cache(SHAPES)
def _latest(narrowing: tuple[str, ...], *, others: bool) -> Query:
    conditions = [NARROWS[name] for name in narrowing]
    if others:
        conditions.append(all_(bindparam("known", type_=ARRAY(String))) != _PERSON)
    facts = [_OTHERWISE.get(name, getattr(Visitor, name, None)) for name in _FACTS]
    latest = (Visitor.visit_date.desc(), Visitor.visit_time.desc(), Visitor.id.desc())
    statement = (
        select(_PERSON, *facts)
        .outerjoin(User, User.id == Visitor.host_id)
        .where(*conditions, Visitor.anonymised_at.is_(None))
        .order_by(*latest)
        .limit(bindparam("rows", type_=BigInteger))
    )
    return Query(statement.where(PLANNED_ANEW))
