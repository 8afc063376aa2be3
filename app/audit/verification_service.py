"""Verify the chain of the audit log, as a stream."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from app.audit.chain import START, Link, Position, Signed, Signer, entry_hash, fits
from app.audit.chain_repository import CHAIN, FACTS, LINK, ChainReader, facts_of
from app.core.db.database import Database

PART = 1000
QUERY_SECONDS = 600
IDLE_SECONDS = 60
# Faults that are listed; the others are counted.
MOST_LISTED = 20


@dataclass(slots=True)
class Verdict:
    """What a verification found: `end` is the newest entry, faults and notes are sentences."""

    entries: int = 0
    end: Position = field(default_factory=lambda: Position(0, START))
    anchor: Signed | None = None
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    more_faults: int = 0

    @property
    def is_sound(self) -> bool:
        return not self.faults

    def add(self, fault: str) -> None:
        if len(self.faults) < MOST_LISTED:
            self.faults.append(fault)
        else:
            self.more_faults += 1


async def verify(database: Database, signer: Signer, known: Sequence[Position] = ()) -> Verdict:
    """Check every entry and every signed head of one state of the database.

    `known` are heads that were kept elsewhere.
    """
    async with database.snapshot(
        query_seconds=QUERY_SECONDS, idle_seconds=IDLE_SECONDS, may_lag=False
    ) as session:
        reader = ChainReader(session)
        checked = _Check(signer, await reader.anchor(), known)
        without_entry = await reader.heads_without_entry(checked.start.seq, MOST_LISTED)
        async with aclosing(session.stream(CHAIN, part=PART)) as parts:
            async for rows in parts:
                await asyncio.to_thread(checked.rows, rows)
        checked.ends(without_entry)
        return checked.verdict


class _Check:
    """The check of one run, entry by entry."""

    def __init__(self, signer: Signer, anchor: Signed | None, known: Sequence[Position]) -> None:
        self.signer = signer
        self.verdict = Verdict(anchor=anchor)
        self.start = anchor.position if anchor else Position(0, START)
        self.end = self.start
        self.known = {position.seq: position.hash for position in known}
        if anchor and not signer.verifies(anchor):
            self.verdict.add(f"the anchor at {self.start.seq} is not signed by this installation")

    def rows(self, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            self._entry(row)

    def _entry(self, row: Sequence[Any]) -> None:
        links, head = row[len(FACTS) : len(FACTS) + len(LINK)], row[len(FACTS) + len(LINK) :]
        seq, *hashes, key = links
        previous, own, macs = (value or b"" for value in hashes)
        link = Link(seq, previous, own, macs, key)
        facts = facts_of(row)
        if link.seq > self.end.seq + 1:
            self._add(f"{_numbers(self.end.seq + 1, link.seq - 1)} missing")
        elif link.seq <= self.end.seq:
            self._add(f"entry {link.seq} does not belong in front of the others")
        elif link.previous_hash != self.end.hash:
            self._add(f"entry {link.seq} does not follow the one before it")
        before = Position(link.seq - 1, link.previous_hash)
        if not fits(facts, link.macs, link.value_key):
            self._add(f"values of entry {link.seq} were changed")
        elif entry_hash(facts, before, link.macs) != link.hash:
            self._add(f"entry {link.seq} was changed")
        self.end = Position(link.seq, link.hash)
        self.verdict.entries += 1
        self._heads(head)

    def _heads(self, head: Sequence[Any]) -> None:
        if head[0] is not None:
            position = Position(self.end.seq, head[0])
            self._signed(Signed(position, False, *head[1:]))
        known = self.known.pop(self.end.seq, None)
        if known not in {None, self.end.hash}:
            self._add(f"entry {self.end.seq} is not the one of the head that you know")

    def _signed(self, head: Signed) -> None:
        if not self.signer.verifies(head):
            self._add(f"the head at {head.position.seq} is not signed by this installation")
        elif head.position.hash != self.end.hash:
            self._add(f"the chain was recomputed up to {head.position.seq} or beyond")

    def ends(self, without_entry: Sequence[Signed]) -> None:
        """Compare the end with the heads beyond it, and with those known from elsewhere."""
        for head in without_entry:
            if head.position.seq > self.end.seq:
                self._add(f"the end is missing: entry {head.position.seq} was signed as the head")
        known = self.known.pop(self.start.seq, None)
        if known not in {None, self.start.hash}:
            self._add(f"entry {self.start.seq} is not the one of the head that you know")
        for seq in sorted(self.known):
            if seq > self.end.seq:
                self._add(
                    f"the end is missing: you know entry {seq}, the last one is {self.end.seq}"
                )
            elif seq < self.start.seq:
                self.verdict.notes.append(f"entry {seq} was cut off since: it cannot be compared")
        self.verdict.end = self.end

    def _add(self, fault: str) -> None:
        self.verdict.add(fault)


def _numbers(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
