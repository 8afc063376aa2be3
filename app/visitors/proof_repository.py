from sqlalchemy import bindparam, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from app.core.db.database import ReadSession
from app.core.db.prepared import Query
from app.core.text import account_key
from app.users.models import User
from app.visitors.models import Visitor

_HAS_ACCOUNT = exists().where(
    User.email_key == bindparam("key"),
    func.lower(User.email) == func.lower(bindparam("email")),
    User.is_active,
    ~User.awaits_verification,
)
# The index finds parts of an address, so compare it exactly.
_WAS_LET_IN = exists().where(
    cast(Visitor.search, TSVECTOR).bool_op("@@")(
        func.search_key(bindparam("email"), type_=TSQUERY)
    ),
    func.lower(Visitor.email) == func.lower(bindparam("email")),
    Visitor.checked_in_at.is_not(None),
)
_IS_PROVEN = Query(select(or_(_HAS_ACCOUNT, _WAS_LET_IN)))


async def is_proven(session: ReadSession, email: str) -> bool:
    """Return whether an open account or an admitted visitor has this address."""
    row = await session.row(_IS_PROVEN, key=account_key(email), email=email)
    return bool(row and row[0])
