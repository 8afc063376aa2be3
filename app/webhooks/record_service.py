"""The records that full messages carry, as the maker of a webhook may read them."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.devices.repository import DeviceReader
from app.devices.schemas import Device
from app.events.repository import ReadEvent
from app.musters.repository import MusterReader
from app.musters.schemas import Muster
from app.musters.statements import roster
from app.visitors.repository import VisitorReader
from app.visitors.schemas import Visitor

Records = dict[UUID, dict[str, Any]]
Read = Callable[[ReadSession, Collection[UUID], Caller], Awaitable[Records]]


async def _visitors(session: ReadSession, ids: Collection[UUID], maker: Caller) -> Records:
    found = await VisitorReader(session).visible_ones(ids, maker)
    return {
        each.id: Visitor.of(each).model_dump(mode="json", exclude={"qr_code"}) for each in found
    }


async def _devices(session: ReadSession, ids: Collection[UUID], maker: Caller) -> Records:
    found = [await DeviceReader(session).reached(id_, maker.scope) for id_ in ids]
    return {each.id: Device(**Device.facts(each)).model_dump(mode="json") for each in found if each}


async def _musters(session: ReadSession, ids: Collection[UUID], maker: Caller) -> Records:
    records: Records = {}
    for id_ in ids:
        if (muster := await MusterReader(session).reached(id_, maker.scope)) is not None:
            entries = await roster(session, id_, with_phones=True)
            records[id_] = Muster.of_entries(muster, entries).model_dump(mode="json")
    return records


# A subject that is not named here has no record.
READERS: Mapping[str, Read] = {"visitor": _visitors, "device": _devices, "muster": _musters}


async def records_of(session: ReadSession, events: Iterable[ReadEvent], maker: Caller) -> Records:
    """Return the records that events are about, by the ids of the subjects."""
    records: Records = {}
    about = sorted({(e.subject_type, e.subject_id) for e in events if e.subject_id is not None})
    for subject_type, subjects in groupby(about, key=lambda each: each[0]):
        if subject_type in READERS:
            records |= await READERS[subject_type](session, [id_ for _, id_ in subjects], maker)
    return records
