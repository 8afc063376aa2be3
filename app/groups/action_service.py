"""Actions on visitors of a group, each in a transaction of its own.

So one refusal undoes no other, and locks are held as briefly and in the order of single requests.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from app.auth.caller import Caller
from app.core.clock import Clock
from app.core.db.database import AfterCommit, Condition, Database
from app.core.errors import MOST_FAULTS, FieldFault, Invalid, NotFound, Problem
from app.core.security.qr_token import QrTokens
from app.groups.repository import GroupReader, GroupRepository, MemberReader
from app.groups.schemas import Chosen, ChosenReschedule, Outcome, Result
from app.scans.by_hand_service import ByHandService, Passed
from app.visitors.budget_limits import Budgets
from app.visitors.service import VisitorService

Act = Callable[[VisitorService, UUID], Awaitable[str | None]]
"""Acts on one visitor; returns the code of a refusal that is kept, or raises a problem."""


class GroupActionService:
    def __init__(
        self,
        database: Database,
        codes: QrTokens,
        wake: AfterCommit,
        clock: Clock,
        budgets: Budgets,
        caller: Caller,
        only_if: Condition | None,
    ) -> None:
        self.database = database
        self.codes = codes
        self.wake = wake
        self.clock = clock
        self.budgets = budgets
        self.caller = caller
        self.only_if = only_if

    async def check_in(self, group_id: UUID, chosen: Chosen) -> list[Result]:
        async def act(visits: VisitorService, id_: UUID) -> str | None:
            return _code(await ByHandService(visits, self.caller).check_in(id_, None, None))

        return await self._each(group_id, chosen, act)

    async def check_out(self, group_id: UUID, chosen: Chosen) -> list[Result]:
        async def act(visits: VisitorService, id_: UUID) -> str | None:
            return _code(await ByHandService(visits, self.caller).check_out(id_, None))

        return await self._each(group_id, chosen, act)

    async def cancel(self, group_id: UUID, chosen: Chosen) -> list[Result]:
        async def act(visits: VisitorService, id_: UUID) -> None:
            await visits.cancel(id_, self.caller)

        return await self._each(group_id, chosen, act)

    async def reschedule(self, group_id: UUID, chosen: ChosenReschedule) -> list[Result]:
        day, at = chosen.visit_date, chosen.visit_time

        async def act(visits: VisitorService, id_: UUID) -> None:
            await visits.reschedule(id_, day, at, self.caller, self.budgets)

        return await self._each(group_id, chosen, act)

    async def _each(self, group_id: UUID, chosen: Chosen, act: Act) -> list[Result]:
        """Act on the chosen visitors in their order; raise `NotFound` or `Invalid`."""
        members = await self._chosen(group_id, chosen)
        if self.only_if is not None:
            await self._require(self.only_if, group_id)
        return [await self._result(id_, act) for id_ in members]

    async def _require(self, condition: Condition, group_id: UUID) -> None:
        """Decide the condition before the first action; each visitor is then locked on its own."""
        async with self.database.write() as unit:
            unit.only_if(condition)
            if await GroupRepository(unit).lock_seen(group_id, self.caller) is None:
                raise NotFound

    async def _chosen(self, group_id: UUID, chosen: Chosen) -> Sequence[UUID]:
        async with self.database.read() as session:
            if await GroupReader(session).seen(group_id, self.caller) is None:
                raise NotFound
            members = await MemberReader(session).visible_ids(group_id, self.caller)
        if chosen.visitor_ids is None:
            return members
        faults = [
            FieldFault(
                field=f"visitor_ids.{number}",
                code="not_in_group",
                message="This visitor is not in the group",
            )
            for number, id_ in enumerate(chosen.visitor_ids)
            if id_ not in members
        ]
        if faults:
            raise Invalid.faults(faults[:MOST_FAULTS], len(faults))
        return list(dict.fromkeys(chosen.visitor_ids))

    async def _result(self, visitor_id: UUID, act: Act) -> Result:
        try:
            async with self.database.write() as unit:
                visits = VisitorService(unit, self.codes, self.wake, self.clock.now())
                code = await act(visits, visitor_id)
        except Problem as problem:
            code = problem.code
        outcome = Outcome.DONE if code is None else Outcome.REFUSED
        return Result(visitor_id=visitor_id, result=outcome, code=code)


def _code(passed: Passed) -> str | None:
    """Return why somebody may not pass, which stands in the ledger."""
    return passed.scan.code if passed.refusals else None
