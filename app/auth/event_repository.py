"""Account events (OWASP ASVS 5, 16.3.1 and 16.3.3): a row and, with ids only, a log line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload

from app.audit.chain import UNKNOWN_ROLE
from app.audit.models import USER, AuditEntry
from app.audit.repository import KnownActor, entry_row, erase_values, is_of_user
from app.auth.models import AccountAction, AccountEvent
from app.core.db.database import Database, ReadSession, WriteSession
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.observability.logging import logger
from app.core.request_context import subjects

ANONYMOUS = KnownActor("", "anonymous")
NEWEST_FIRST = Ordering("account events", (AccountEvent.id,), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    account: UUID | None = None
    action: AccountAction | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.account is not None:
            found.append(AccountEvent.account_id == self.account)
        if self.action is not None:
            found.append(AccountEvent.action == self.action)
        if self.since is not None:
            found.append(AccountEvent.created_at >= self.since)
        if self.until is not None:
            found.append(AccountEvent.created_at < self.until)
        return found


class AccountEventReader:
    """Queries the events of accounts."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def page(
        self, chosen: EventFilter, of_account: UUID | None, page: PageRequest
    ) -> tuple[Sequence[AccountEvent], str | None, int | None]:
        """Return events that are kept, newest first; `of_account` limits them to one account."""
        kept = or_(AuditEntry.seq.is_(None), AuditEntry.value_key.is_not(None))
        own = [] if of_account is None else [AccountEvent.account_id == of_account]
        statement = (
            select(AccountEvent)
            .where(is_of_user(), kept, *own, *chosen.conditions())
            .options(joinedload(AccountEvent.account), joinedload(AccountEvent.actor))
        )
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class AccountEventRepository:
    def __init__(self, unit: WriteSession, now: datetime) -> None:
        self.unit = unit
        self._now = now

    def record(
        self,
        action: AccountAction,
        account: UUID | None,
        *,
        by: UUID | KnownActor | None,
        **details: Any,
    ) -> None:
        """Record an event by a user or a part of the system; `details` name no person."""
        actor = KnownActor("", UNKNOWN_ROLE, by) if isinstance(by, UUID) else by or ANONYMOUS
        row = entry_row(USER, account, action, actor, self._now, **details)
        self.unit.append(AuditEntry, row)

        async def tell() -> None:
            logger.info(
                "account", action=action.value, **subjects(account_id=account, actor_id=actor.id)
            )

        self.unit.after_commit(tell)

    async def purge(self, before: datetime, *, at_most: int) -> int:
        """Erase the values of older events; return how many. The log keeps what happened."""
        old = (
            select(AuditEntry.id)
            .where(is_of_user(), AuditEntry.value_key.is_not(None), AuditEntry.created_at < before)
            .order_by(AuditEntry.id)
            .limit(at_most)
        )
        return await erase_values(self.unit, AuditEntry.id.in_(old))


async def record_alone(
    database: Database,
    now: datetime,
    action: AccountAction,
    account: UUID | None,
    *,
    by: UUID | None = None,
) -> None:
    """Record an event in its own transaction, since that of the request is rolled back."""
    async with database.write() as unit:
        AccountEventRepository(unit, now).record(action, account, by=by)
