"""SQL of what a caller's stream rests on."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, FunctionElement, Uuid, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.sql.elements import SQLColumnExpression

from app.api_keys.models import ApiKey
from app.auth.caller import Caller
from app.auth.models import AuthSession
from app.core.db.database import ReadSession
from app.core.db.prepared import Query
from app.users.models import Delegate, User

_hosts = (
    select(Delegate.host_id)
    .where(Delegate.delegate_id == User.id)
    .order_by(Delegate.host_id)
    .scalar_subquery()
)
_IDS = bindparam("ids", type_=ARRAY(Uuid()))
_NOW = bindparam("now", type_=DateTime(timezone=True))


def _standing(*facts: SQLColumnExpression[Any]) -> FunctionElement[str]:
    """Return a value of some facts, hashed since it stays in memory for hours."""
    return func.md5(func.concat_ws("|", *(func.coalesce(cast(each, TEXT), "") for each in facts)))


_OF_SESSIONS = Query(
    select(
        AuthSession.id,
        _standing(
            User.role, User.sites, func.array(_hosts, type_=ARRAY(Uuid())), User.password_hash
        ),
    )
    .join(User, User.id == AuthSession.user_id)
    .where(
        AuthSession.id == any_(_IDS),
        AuthSession.revoked_at.is_(None),
        AuthSession.expires_at > _NOW,
        User.is_active,
    )
)
# A rotated key ends its streams too, and so does the end of its previous secret: the program
# connects again, with a secret that is valid.
_OF_KEYS = Query(
    select(
        ApiKey.id,
        _standing(
            ApiKey.key_hash,
            ApiKey.previous_key_until > _NOW,
            ApiKey.older_key_until > _NOW,
            ApiKey.scopes,
            ApiKey.sites,
            ApiKey.allowed_networks,
            User.role,
            User.sites,
        ),
    )
    .join(User, User.id == ApiKey.maker_id)
    .where(ApiKey.id == any_(_IDS), ApiKey.expires_at > _NOW, User.is_active)
)


def sign_in_of(caller: Caller) -> UUID | None:
    """Return the id of what a caller is signed in with: a session, or an API key."""
    return caller.id if caller.is_key else caller.session_id


async def standings(
    session: ReadSession, callers: Collection[Caller], now: datetime
) -> Mapping[UUID | None, str]:
    """Return, by the id of its sign-in, a value that changes with the rights of a caller.

    Callers who are no longer signed in are left out. One statement for all users, and one for all
    keys.
    """
    found: dict[UUID | None, str] = {}
    for query, are_keys in ((_OF_SESSIONS, False), (_OF_KEYS, True)):
        some = (sign_in_of(caller) for caller in callers if caller.is_key is are_keys)
        if ids := sorted({id_ for id_ in some if id_}):
            found |= {row[0]: row[1] for row in await session.fetch(query, ids=ids, now=now)}
    return found
