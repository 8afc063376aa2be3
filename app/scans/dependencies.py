"""What the routes of scans work with."""

from typing import Annotated

from fastapi import Depends, Request

from app.core.limits import Rule
from app.settings import Settings


async def _forged(request: Request) -> Rule:
    settings: Settings = request.app.state.settings
    return Rule("forged scan", settings.forged_scan_limit_per_device)


ForgedScans = Annotated[Rule, Depends(_forged)]
