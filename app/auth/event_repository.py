"""Account events (OWASP ASVS 5, 16.3.1 and 16.3.3): a row and, with ids only, a log line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import joinedload

from app.auth.models import AccountAction, AccountEvent
from app.core.db.database import Database, WriteSession
from app.core.db.repository import ReadRepository, Repository
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.observability.logging import logger
from app.core.request_context import current_client_address, current_request_id, subjects

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


class AccountEventReader(ReadRepository[AccountEvent]):
    model = AccountEvent

    async def page(
        self, chosen: EventFilter, of_account: UUID | None, page: PageRequest
    ) -> tuple[Sequence[AccountEvent], str | None, int | None]:
        """Return events, newest first; `of_account` limits them to one account."""
        own = [] if of_account is None else [AccountEvent.account_id == of_account]
        statement = (
            self.statement()
            .where(*own, *chosen.conditions())
            .options(joinedload(AccountEvent.account), joinedload(AccountEvent.actor))
        )
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class AccountEventRepository(AccountEventReader, Repository[AccountEvent]):
    def __init__(self, unit: WriteSession, now: datetime) -> None:
        super().__init__(unit)
        self._now = now

    def record(
        self, action: AccountAction, account: UUID | None, *, by: UUID | None, **details: Any
    ) -> None:
        """Record an event; `details` name no person."""
        row = {
            "id": new_id(),
            "account_id": account,
            "action": action,
            "actor_id": by,
            "client_address": current_client_address(),
            "request_id": current_request_id(),
            "details": details,
            "created_at": self._now,
        }
        self.unit.append(AccountEvent, row)

        async def tell() -> None:
            logger.info("account", action=action.value, **subjects(account_id=account, actor_id=by))

        self.unit.after_commit(tell)

    async def purge(self, before: datetime, *, at_most: int) -> int:
        old = (
            select(AccountEvent.id)
            .where(AccountEvent.created_at < before)
            .order_by(AccountEvent.id)  # the scan ends after one page
            .limit(at_most)
        )
        result = await self.unit.write(delete(AccountEvent).where(AccountEvent.id.in_(old)))
        return result.rowcount


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
