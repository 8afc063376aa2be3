"""Values and their key are erased together, and the chain still verifies."""

from datetime import timedelta
from uuid import UUID

import httpx

from app.audit.chain import Signer
from app.audit.models import AuditAction, AuditEntry, VisitorAction
from app.audit.repository import VisitorEventRepository, record
from app.audit.verification_service import verify
from app.auth.jobs import purge_audit_log
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from app.visitors.retention_jobs import anonymise_past
from tests.audit.entries import AT, DESK, all_entries
from tests.support.api import VISITOR, Api
from tests.support.database import change_default_site

STRANGER = {name: value for name, value in VISITOR.items() if name not in {"host_name"}}


async def self_registered(http: httpx.AsyncClient, database: Database) -> str:
    """Return a visitor who registered from an address of theirs, under a request id of theirs."""
    await change_default_site(database, self_registration=True)
    headers = {"X-Request-ID": "ada-from-example"}
    answer = await http.post("/api/visitors/", json=STRANGER, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def of(database: Database, *actions: str) -> list[AuditEntry]:
    return [entry for entry in await all_entries(database) if entry.action in actions]


async def test_what_a_visitor_left_is_erased_with_their_record(
    api: Api,
    http: httpx.AsyncClient,
    database: Database,
    sequencer: Sequencer,
    signer: Signer,
):
    visitor = await self_registered(http, database)
    root = await api.superadmin()
    await root.patch(f"visitors/{visitor}/", {"notes": "By bicycle"})
    await sequencer.step()
    [before] = await of(database, "registered")
    assert before.request_id == "ada-from-example"
    assert (await root.delete(f"visitors/{visitor}/")).status_code == 204
    await sequencer.step()
    [after] = await of(database, "registered")
    assert (after.client_address, after.request_id, after.value_key) == (None, None, None)
    assert (after.seq, after.hash, after.macs) == (before.seq, before.hash, before.macs)
    [updated] = await of(database, "updated")
    assert updated.client_address is not None
    assert updated.details == {"fields": ["notes"]}
    assert (await verify(database, signer)).faults == []


async def test_what_the_retention_period_ends_is_erased(
    api: Api,
    http: httpx.AsyncClient,
    database: Database,
    sequencer: Sequencer,
    signer: Signer,
    clock: SettableClock,
):
    visitor = await self_registered(http, database)
    await sequencer.step()
    clock.advance(timedelta(days=60))
    await change_default_site(database, self_registration=False)
    root = await api.superadmin()
    await root.post(f"visitors/{visitor}/cancel/")
    assert await anonymise_past(database, clock.now(), 30) == 1
    await sequencer.step()
    [registered] = await of(database, "registered")
    assert (registered.client_address, registered.value_key) == (None, None)
    [history, *_] = (await root.get(f"visitors/{visitor}/events/")).json()
    assert (history["client_address"], history["request_id"]) == (None, "-")
    assert (await verify(database, signer)).faults == []


async def test_what_staff_wrote_in_their_own_words_is_erased(
    api: Api, database: Database, sequencer: Sequencer, signer: Signer
):
    root = await api.superadmin()
    visitor = await root.register()
    async with database.write() as unit:
        events = VisitorEventRepository(unit)
        id_, words = UUID(visitor["id"]), "Ada is ill"
        events.record(id_, VisitorAction.CANCELLED, DESK, AT, host=None, reason=words)
    await sequencer.step()
    await root.delete(f"visitors/{visitor['id']}/")
    [cancelled] = await of(database, "cancelled")
    assert (cancelled.details, cancelled.value_key) == ({"reason": None}, None)
    await sequencer.step()
    assert (await verify(database, signer)).faults == []


async def test_an_entry_erased_before_it_is_chained_is_chained(
    api: Api, http: httpx.AsyncClient, database: Database, sequencer: Sequencer, signer: Signer
):
    visitor = await self_registered(http, database)
    await (await api.superadmin()).delete(f"visitors/{visitor}/")
    await sequencer.step()
    [registered] = await of(database, "registered")
    assert (registered.client_address, registered.request_id) == (None, None)
    assert (await verify(database, signer)).faults == []


async def test_expired_account_events_stay_in_the_chain_unseen(
    api: Api,
    database: Database,
    sequencer: Sequencer,
    signer: Signer,
    clock: SettableClock,
):
    await api.superadmin()
    await sequencer.step()
    clock.advance(timedelta(days=181))
    root = await api.sign_in("root@example.com", "")
    await sequencer.step()
    assert await purge_audit_log(database, clock.now(), 180) == 1
    assert await purge_audit_log(database, clock.now(), 180) == 0
    events = (await root.get("auth/events/", include_total=True)).json()
    assert (len(events["items"]), events["total"]) == (1, 1)
    shown = (await root.get("audit/", action="user.signed_in")).json()["items"]
    assert [entry["address"] is None for entry in shown] == [False, True]
    assert shown[1]["details"] == {"method": None, "user_agent": None}
    assert (await verify(database, signer)).faults == []


async def test_entries_about_other_things_are_not_erased(
    api: Api, database: Database, sequencer: Sequencer, clock: SettableClock
):
    async with database.write() as unit:
        record(unit, AuditAction.SITE_UPDATED, None, DESK, clock.now(), reason="moved")
    await sequencer.step()
    clock.advance(timedelta(days=181))
    assert await purge_audit_log(database, clock.now(), 180) == 0
