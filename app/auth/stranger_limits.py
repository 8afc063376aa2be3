"""Limit anonymous requests per network."""

from collections.abc import Callable

from fastapi import Request

from app.auth.guards import resolve_caller
from app.core.http.limits import Rule, TooManyRequests
from app.core.request_context import client_network
from app.services import services
from app.settings import Settings


class LimitStrangers:
    problems = (TooManyRequests,)

    def __init__(self, name: str, rate: Callable[[Settings], str]) -> None:
        self._name = name
        self._rate = rate

    async def __call__(self, request: Request) -> None:
        if (await resolve_caller(request)).is_stranger:
            ours = services(request)
            rule = Rule(self._name, self._rate(ours.settings))
            await ours.limiter.hit(rule, client_network())
