"""Who acts for a host."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts.delegate_repository import DelegateRepository
from app.auth.caller import Caller
from app.auth.event_repository import AccountEventRepository
from app.auth.models import AccountAction
from app.core.db.database import WriteSession
from app.core.errors import BeyondYourRights, FieldFault, Invalid, NotFound
from app.users.models import User
from app.users.roles import may_represent


@dataclass(frozen=True, slots=True)
class DelegateService:
    """Names the delegates of a host for a caller."""

    unit: WriteSession
    caller: Caller
    now: datetime

    async def replace(self, host_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
        """Let exactly these accounts act for the host; return them.

        Raise `Invalid` for accounts that are unknown, closed, guards, or the host, and
        `BeyondYourRights` if the host is limited to sites.
        """
        named = list(dict.fromkeys(ids))
        delegates = DelegateRepository(self.unit)
        await delegates.lock_choice(host_id)
        accounts = await delegates.lock_accounts({host_id, *named})
        if host_id not in accounts:
            raise NotFound
        if named and accounts[host_id].sites is not None:
            raise BeyondYourRights("Delegates see every site, an account of some gives no others")
        judged = (_fault(f"user_ids.{ids.index(id_)}", accounts.get(id_), host_id) for id_ in named)
        if faults := [fault for fault in judged if fault]:
            raise Invalid.faults(faults)
        await delegates.replace(host_id, named, self.now)
        log = AccountEventRepository(self.unit, self.now)
        told = {"fields": ["delegates"], "delegates": [str(id_) for id_ in named]}
        log.record(AccountAction.UPDATED, host_id, by=self.caller.id, **told)
        return named


def _fault(field: str, user: User | None, host_id: UUID) -> FieldFault | None:
    if user is None:
        return FieldFault(field=field, code="unknown_user", message="Unknown account")
    if user.id == host_id:
        message = "Nobody is their own delegate"
    elif not user.is_active or not may_represent(user.role):
        message = "The account is closed, or that of a guard"
    else:
        return None
    return FieldFault(field=field, code="not_eligible", message=message)
