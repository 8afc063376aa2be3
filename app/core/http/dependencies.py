"""Dependencies for every route: the current instant and the password hasher."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from app.core.security.passwords import PasswordHasher


async def _now(request: Request) -> datetime:
    now: datetime = request.app.state.clock.now()
    return now


async def _hasher(request: Request) -> PasswordHasher:
    hasher: PasswordHasher = request.app.state.hasher
    return hasher


Now = Annotated[datetime, Depends(_now)]
Hasher = Annotated[PasswordHasher, Depends(_hasher)]
