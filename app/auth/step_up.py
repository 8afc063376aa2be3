"""Operations that need a confirmed password (OWASP ASVS 5, 7.5.1 and 7.5.3)."""

from datetime import datetime, timedelta

from app.auth.caller import Caller
from app.auth.errors import ReauthenticationRequired
from app.core.errors import Forbidden

RECENT = timedelta(minutes=10)


def require_recent_sign_in(caller: Caller, now: datetime) -> None:
    """Raise `ReauthenticationRequired` unless the password was entered recently.

    An API key has none: raise `Forbidden`.
    """
    if caller.is_key:
        raise Forbidden
    if caller.confirmed_at is None or caller.confirmed_at <= now - RECENT:
        raise ReauthenticationRequired
