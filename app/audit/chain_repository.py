"""SQL of the chain: entries that wait, their links, signed heads, and the cut."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Uuid,
    and_,
    case,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.audit.chain import START, UNKNOWN_ROLE, Facts, Link, Moment, Position, Signed
from app.audit.models import USER, VISITOR, AuditEntry, AuditHead, FormerAccountEvent
from app.core.db.database import ReadSession, WriteSession
from app.core.db.prepared import Query
from app.core.db.update_many import update_many

FACTS = tuple(AuditEntry.__table__.c[field.name] for field in fields(Facts))
LINK = ("seq", "previous_hash", "hash", "macs", "value_key")
# Above the features that own them: read where the writer of an entry did not know them.
_visitors = table(
    "visitors", column("id", Uuid()), column("site_id", Uuid()), column("host_id", Uuid())
)
_users = table("users", column("id", Uuid()), column("first_name"), column("last_name"))
_users_name = func.left(func.concat_ws(" ", _users.c.first_name, _users.c.last_name), 401)
_log = table("event_log", column("entries_through", BigInteger()))
_is_head = AuditHead.is_anchor.is_(False)


def entry_waits() -> ColumnElement[bool]:
    """Return whether an entry waits to be chained."""
    return exists().where(AuditEntry.seq.is_(None))


class ChainReader:
    """Queries the chain."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def waiting_since(self) -> datetime | None:
        """Return the instant of the oldest entry that waits."""
        return await self.session.scalar(
            select(AuditEntry.created_at)
            .where(AuditEntry.seq.is_(None))
            .order_by(AuditEntry.id)
            .limit(1)
        )

    async def count(self) -> int:
        """Return the number of entries in the chain."""
        counted = select(func.count()).select_from(AuditEntry).where(AuditEntry.seq.is_not(None))
        return await self.session.scalar(counted) or 0

    async def end(self) -> Position:
        """Return the newest entry, or where the chain was cut, or its start."""
        row = (
            await self.session.rows(
                select(AuditEntry.seq, AuditEntry.hash)
                .where(AuditEntry.seq.is_not(None))
                .order_by(AuditEntry.seq.desc())
                .limit(1)
            )
        ).first()
        if row is not None and row[0] is not None:
            return Position(row[0], row[1] or START)
        anchor = await self.anchor()
        return anchor.position if anchor else Position(0, START)

    async def anchor(self) -> Signed | None:
        """Return where the chain was cut."""
        found = await self.session.scalar(select(AuditHead).where(AuditHead.is_anchor))
        return signed_of(found) if found else None

    async def newest_head(self) -> Signed | None:
        found = await self.session.scalar(
            select(AuditHead).where(_is_head).order_by(AuditHead.seq.desc()).limit(1)
        )
        return signed_of(found) if found else None

    async def heads_without_entry(self, after: int, at_most: int) -> Sequence[Signed]:
        """Return signed heads after a number whose entries are missing, oldest first."""
        found = await self.session.scalars(
            select(AuditHead)
            .outerjoin(AuditEntry, AuditEntry.seq == AuditHead.seq)
            .where(_is_head, AuditHead.seq > after, AuditEntry.id.is_(None))
            .order_by(AuditHead.seq)
            .limit(at_most)
        )
        return [signed_of(head) for head in found]


def signed_of(head: AuditHead) -> Signed:
    position = Position(head.seq, head.hash)
    return Signed(position, head.is_anchor, head.signed_at, head.key_id, head.signature)


CHAIN = Query(
    select(
        *FACTS,
        *(AuditEntry.__table__.c[name] for name in LINK),
        AuditHead.hash,
        AuditHead.signed_at,
        AuditHead.key_id,
        AuditHead.signature,
    )
    .select_from(AuditEntry)
    .outerjoin(AuditHead, and_(AuditHead.seq == AuditEntry.seq, _is_head))
    .where(AuditEntry.seq.is_not(None))
    .order_by(AuditEntry.seq)
)
"""The whole chain with its signed heads, for `ReadSession.stream`."""


def _known() -> Select[Any]:
    """Select the facts and the `Moment` of entries, and what their writers did not know.

    The host is that of the moment, or else that of now; the last two columns are the site and the
    actor's name.
    """
    host = case((AuditEntry.is_host_known, AuditEntry.host_id), else_=_visitors.c.host_id)
    site = case((AuditEntry.site_id.is_(None), _visitors.c.site_id))
    is_lacking = or_(AuditEntry.site_id.is_(None), AuditEntry.is_host_known.is_(False))
    of_visitor = and_(
        is_lacking,
        AuditEntry.subject_type == VISITOR,
        _visitors.c.id == AuditEntry.subject_id,
    )
    of_user = and_(AuditEntry.actor_name == "", _users.c.id == AuditEntry.actor_id)
    moment = (AuditEntry.makes_event, host, AuditEntry.subject_version, AuditEntry.is_final_exit)
    return (
        select(*FACTS, *moment, site, _users_name)
        .select_from(AuditEntry)
        .outerjoin(_visitors, of_visitor)
        .outerjoin(_users, of_user)
    )


class ChainRepository(ChainReader):
    """Changes the chain."""

    def __init__(self, unit: WriteSession) -> None:
        super().__init__(unit)
        self.unit = unit

    async def take(self, at_most: int) -> Sequence[Row[Any]]:
        """Lock entries that wait, oldest first, skipping those that others hold.

        The columns are those of `_known`.
        """
        found = await self.unit.returning(
            _known()
            .where(AuditEntry.seq.is_(None))
            .order_by(AuditEntry.id)
            .limit(at_most)
            .with_for_update(of=AuditEntry, skip_locked=True)
        )
        return found.all()

    async def without_event(self, at_most: int) -> Sequence[Row[Any]]:
        """Return entries that the previous release has chained, which makes no events.

        The columns are those of `_known`, then the number.
        """
        through = func.coalesce(select(_log.c.entries_through).scalar_subquery(), 0)
        found = await self.unit.rows(
            _known()
            .add_columns(AuditEntry.seq)
            .where(AuditEntry.seq > through, AuditEntry.makes_event)
            .order_by(AuditEntry.seq)
            .limit(at_most)
        )
        return found.all()

    async def link(self, entries: Sequence[tuple[Facts, str | None, Link]]) -> None:
        """Store the links of entries; a name is stored where there was none."""
        common = [
            {"id": facts.id, "site_id": facts.site_id}
            | {name: getattr(link, name) for name in LINK}
            for facts, _, link in entries
        ]
        await update_many(self.unit, AuditEntry, common)
        named = [{"id": facts.id, "actor_name": name} for facts, name, _ in entries if name]
        await update_many(self.unit, AuditEntry, named)

    async def add_head(self, signed: Signed) -> None:
        """Store a signed head, or the anchor in place of the former one."""
        if signed.is_anchor:
            await self.unit.write(delete(AuditHead).where(AuditHead.is_anchor))
        await self.unit.write(insert(AuditHead).values(**_columns(signed)))

    async def heads_after(self, seq: int, at_most: int) -> Sequence[Signed]:
        """Return heads and anchors after a number, in its order."""
        found = await self.session.scalars(
            select(AuditHead).where(AuditHead.seq > seq).order_by(AuditHead.seq).limit(at_most)
        )
        return [signed_of(head) for head in found]

    async def sign_anew(self, signed: Signed) -> None:
        """Replace the signature of a position."""
        await self.unit.write(
            update(AuditHead)
            .where(AuditHead.seq == signed.position.seq, AuditHead.is_anchor == signed.is_anchor)
            .values(key_id=signed.key_id, signature=signed.signature)
        )

    async def oldest(self, at_most: int) -> Sequence[Row[int | None, bytes | None, datetime]]:
        """Return number, hash and instant of the oldest entries of the chain."""
        found = await self.unit.rows(
            select(AuditEntry.seq, AuditEntry.hash, AuditEntry.created_at)
            .where(AuditEntry.seq.is_not(None))
            .order_by(AuditEntry.seq)
            .limit(at_most)
        )
        return found.all()

    async def cut_through(self, seq: int) -> None:
        """Delete the entries and heads up to a number."""
        await self.unit.write(delete(AuditEntry).where(AuditEntry.seq <= seq))
        await self.unit.write(delete(AuditHead).where(_is_head, AuditHead.seq <= seq))

    async def adopt_account_events(self, at_most: int) -> int:
        """Move account events of older releases to the log; return how many."""
        former = FormerAccountEvent
        chosen = select(former.id).order_by(former.id).limit(at_most)
        moved = (
            delete(former)
            .where(former.id.in_(chosen.with_for_update()))
            .returning(*former.__table__.c)
            .cte("moved")
        )
        row = {
            "id": moved.c.id,
            "created_at": moved.c.created_at,
            "subject_type": literal(USER),
            "subject_id": moved.c.account_id,
            "action": moved.c.action,
            "actor_role": case((moved.c.actor_id.is_(None), "anonymous"), else_=UNKNOWN_ROLE),
            "actor_id": moved.c.actor_id,
            "actor_name": literal(""),
            "client_address": moved.c.client_address,
            "request_id": moved.c.request_id,
            "details": moved.c.details,
        }
        result = await self.unit.write(
            insert(AuditEntry).from_select([*row], select(*row.values()))
        )
        return result.rowcount


def _columns(signed: Signed) -> dict[str, Any]:
    return {
        "seq": signed.position.seq,
        "is_anchor": signed.is_anchor,
        "hash": signed.position.hash,
        "signed_at": signed.signed_at,
        "key_id": signed.key_id,
        "signature": signed.signature,
    }


def facts_of(row: Sequence[Any]) -> Facts:
    """Return the facts from the first columns of a row; a prepared statement has JSON as text."""
    values = [*row[: len(FACTS)]]
    if isinstance(values[-1], str):
        values[-1] = json.loads(values[-1])
    return Facts(*values)


def moment_of(row: Sequence[Any]) -> Moment:
    """Return the moment from a row of `take` or `without_event`."""
    return Moment(*row[len(FACTS) : len(FACTS) + len(fields(Moment))])
