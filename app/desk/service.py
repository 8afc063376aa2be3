from collections.abc import Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.errors import SiteRequired
from app.core.http.responses import tag_of
from app.desk.moments import Moment, moment_at
from app.desk.schemas import (
    MOST_CARDS,
    Attention,
    AttentionKind,
    AttentionSubject,
    Desk,
    DeskCounters,
    OpenMuster,
)
from app.desk.statements import Fact, Visit, cards, facts, search, site_of_desk
from app.devices.errors import UnknownSite
from app.musters.models import Muster, MusterKind
from app.sites.models import Site
from app.visitors.arrival import arrival_window, is_over_time
from app.visitors.card_schemas import DeskCard
from app.visitors.models import Presence, VisitorStatus
from app.visitors.undo_offer import may_undo

OUTSIDE_VERSION = {"version", "now"}


async def desk(
    session: ReadSession, caller: Caller, site_id: UUID | None, day: date | None, now: datetime
) -> Desk:
    """Return the desk; raise `UnknownSite`, or `SiteRequired` if there are several."""
    site, muster = await _site(session, caller, site_id)
    moment = moment_at(site, now, day, is_emergency=_is_real(muster))
    found, told = await cards(session, moment, caller), await facts(session, moment)
    due = [visit for visit in found["due"] if arrival_window(visit, site).closes > now]
    inside = found["inside"]
    overdue = [visit for visit in found["overdue"] if is_over_time(visit, site.timezone, now)]
    attention = [*_attention(told, [*due, *inside])]
    lists: tuple[Sequence[object], ...] = (due, inside, overdue, attention)
    shown = Desk(
        version="",
        now=now,
        site=site.id,
        counters=_counters(told, moment),
        due=_shown(due, moment, caller),
        inside=_shown(inside, moment, caller),
        overdue=_shown(overdue, moment, caller),
        attention=attention[:MOST_CARDS],
        open_muster=_open(muster),
        truncated=any(len(each) > MOST_CARDS for each in lists),
    )
    shown.version = tag_of(shown.model_dump_json(exclude=OUTSIDE_VERSION).encode())
    return shown


async def found(
    session: ReadSession, caller: Caller, site_id: UUID | None, q: str, now: datetime
) -> list[DeskCard]:
    """Return the cards that a search finds; raise as `desk` does."""
    site, muster = await _site(session, caller, site_id)
    moment = moment_at(site, now, None, is_emergency=_is_real(muster))
    return _shown(await search(session, moment, q, caller), moment, caller)


async def _site(
    session: ReadSession, caller: Caller, site_id: UUID | None
) -> tuple[Site, Muster | None]:
    sites = await site_of_desk(session, caller, site_id)
    if len(sites) == 1:
        return sites[0]
    raise SiteRequired if site_id is None else UnknownSite


def _shown(visits: Sequence[Visit], moment: Moment, caller: Caller) -> list[DeskCard]:
    place = moment.site, caller, moment.now
    return [
        DeskCard.of(
            visit,
            *place,
            is_emergency=moment.is_emergency,
            may_undo=may_undo(visit, *place),
        )
        for visit in visits[:MOST_CARDS]
    ]


def _is_real(muster: Muster | None) -> bool:
    return muster is not None and muster.kind is MusterKind.REAL


def _open(muster: Muster | None) -> OpenMuster | None:
    if muster is None:
        return None
    return OpenMuster(id=muster.id, kind=muster.kind, started_at=muster.started_at)


def _counters(told: Sequence[Fact], moment: Moment) -> DeskCounters:
    def count(part: str) -> int:
        return sum(fact.number or 0 for fact in told if fact.part == part)

    over = [fact for fact in told if fact.part == Presence.INSIDE and _is_overdue(fact, moment)]
    return DeskCounters(
        expected=count(VisitorStatus.PENDING),
        left=count(VisitorStatus.COMPLETED),
        no_show=count(VisitorStatus.EXPIRED),
        inside=count(Presence.INSIDE),
        away=count(Presence.AWAY),
        overdue=sum(fact.number or 0 for fact in over),
    )


def _is_overdue(fact: Fact, moment: Moment) -> bool:
    # The figures of those who are inside have a time and a duration.
    return is_over_time(fact, moment.site.timezone, moment.now)  # type: ignore[arg-type]


def _attention(told: Sequence[Fact], visits: Sequence[Visit]) -> Iterator[Attention]:
    """Yield what needs attention, each once."""
    subjects: dict[tuple[AttentionKind, UUID], str] = {}
    for fact in told:
        if fact.part in set(AttentionKind) and fact.id is not None:
            subjects.setdefault((AttentionKind(fact.part), fact.id), fact.name or "")
    for visit in visits:
        if visit.has_lost_host:
            subjects.setdefault((AttentionKind.HOST_WITHOUT_ACCOUNT, visit.id), visit.name)
    for (kind, id_), name in subjects.items():
        of_device = kind is AttentionKind.DEVICE_OFFLINE
        subject = AttentionSubject(type="device" if of_device else "visitor", id=id_, name=name)
        yield Attention(kind=kind, subject=subject)
