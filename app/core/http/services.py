"""The resources of the process that core uses."""

from arq.connections import ArqRedis
from fastapi import Request
from starlette.datastructures import State

from app.core.clock import Clock
from app.core.db.database import Database
from app.core.http.limits import Lots, RateLimiter
from app.core.http.pagination import CursorCodec
from app.core.keys import Key
from app.core.security.passwords import PasswordHasher
from app.core.security.qr_token import QrTokens


class CoreServices(State):
    """The typed state of the application; `app/services.py` extends it."""

    clock: Clock
    database: Database
    redis: ArqRedis
    limiter: RateLimiter
    lots: Lots
    hasher: PasswordHasher
    qr_tokens: QrTokens
    cursor_codec: CursorCodec
    repeat_key: Key


def core_services(request: Request) -> CoreServices:
    found: CoreServices = request.app.state
    return found
