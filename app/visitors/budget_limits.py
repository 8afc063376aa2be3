"""Limits on registrations and mails; failed requests do not count."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.http.dependencies import Limiter
from app.core.http.limits import Limit, RateLimiter, Rule
from app.notifications.stranger_mail_limits import WITHHELD, StrangerMails
from app.services import services
from app.settings import Settings
from app.visitors.proof_repository import is_proven

RESENT = (Rule("resent, soon", "1/minute"), Rule("resent", "5/day"))
CHANGED_BY_HOST = Rule("changes of a visit", "20/hour")


@dataclass(frozen=True, slots=True)
class Budgets:
    """Each method raises `TooManyRequests`."""

    limiter: RateLimiter
    settings: Settings

    @asynccontextmanager
    async def registrations(
        self, caller: Caller, number: int = 1, *, are_mailed: bool = True
    ) -> AsyncIterator[None]:
        """Count registrations of a host or kiosk, all or none."""
        limits = self._of(caller, are_mailed=are_mailed) if number else []
        async with self._counted(limits, number):
            yield

    @asynccontextmanager
    async def mail_to(
        self, email: str | None, caller: Caller, session: ReadSession
    ) -> AsyncIterator[str | None]:
        """Count a mail queued in the block; yield the reason to withhold it, if any."""
        mails = StrangerMails(self.limiter)
        if caller.is_trusted or email is None:
            yield None
            return
        if not await mails.take(email):
            yield None if await is_proven(session, email) else WITHHELD
            return
        try:
            yield None
        except Exception:
            await mails.give_back(email)
            raise

    async def resend(self, visitor_id: UUID) -> None:
        await self.limiter.reserve(*(rule.of(str(visitor_id)) for rule in RESENT))

    @asynccontextmanager
    async def change(
        self, visitor_id: UUID, caller: Caller, co_hosts: int = 0
    ) -> AsyncIterator[None]:
        """Count a mailed change, per host once more for each mailed co-host, and per visit."""
        if not caller.is_host:
            yield
            return
        rule = Rule("changes of a host", self.settings.host_registration_limit)
        of_host, of_visit = rule.of(str(caller.id)), CHANGED_BY_HOST.of(str(visitor_id))
        async with self._counted([of_host], 1 + co_hosts), self._counted([of_visit]):
            yield

    @asynccontextmanager
    async def _counted(self, limits: list[Limit], number: int = 1) -> AsyncIterator[None]:
        """Count the block, unless it fails."""
        if limits:
            await self.limiter.reserve(*limits, number=number)
        try:
            yield
        except Exception:
            if limits:
                await self.limiter.give_back(*limits, number=number)
            raise

    def _of(self, caller: Caller, *, are_mailed: bool) -> list[Limit]:
        id_, settings = str(caller.id), self.settings
        if caller.is_host:
            return [Rule("registrations of a host", settings.host_registration_limit).of(id_)]
        if not caller.is_kiosk:
            return []
        rules = [Rule("registrations at a kiosk", settings.kiosk_registration_limit)]
        if are_mailed:
            rules.append(Rule("mails of a kiosk", settings.kiosk_mail_limit))
        return [rule.of(id_) for rule in rules]


async def _budgets(request: Request, limiter: Limiter) -> Budgets:
    return Budgets(limiter, services(request).settings)


Budgeted = Annotated[Budgets, Depends(_budgets)]
