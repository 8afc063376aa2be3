"""A mail server with planned faults for each recipient."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from aiosmtpd.smtp import SMTP


class Fault(Enum):
    """The outcome of one attempt."""

    SILENCE = "no answer, with the connection open"
    HANGS_UP = "the connection is cut before the mail"
    CUT_AFTER_DATA = "the mail is taken and the connection cut before that is said"
    BUSY = "451 4.3.0 busy"
    FULL = "452 4.2.2 mailbox full"
    UNKNOWN = "550 5.1.1 no such user"
    REFUSED = "554 5.7.1 not wanted"


PASSING = (Fault.SILENCE, Fault.HANGS_UP, Fault.CUT_AFTER_DATA, Fault.BUSY, Fault.FULL)
FINAL = (Fault.UNKNOWN, Fault.REFUSED)
AT_RECIPIENT = {Fault.BUSY, Fault.UNKNOWN}


@dataclass(frozen=True)
class Plan:
    """Faults of a recipient's first attempts; then the mail is accepted, unless one is final."""

    faults: tuple[Fault, ...]

    @classmethod
    def drawn(cls, random: Random) -> "Plan":
        passing = random.choices(PASSING, k=random.choice((0, 1, 1, 2)))
        return cls((*passing, random.choice(FINAL)) if random.random() < 0.15 else tuple(passing))

    @property
    def last_answer(self) -> str | None:
        """Return the server's answer if it ends the mail."""
        return next((fault.value for fault in self.faults if fault in FINAL), None)

    @property
    def taken(self) -> int:
        """Return how often the mail arrives."""
        return self.faults.count(Fault.CUT_AFTER_DATA) + (self.last_answer is None)


@dataclass
class ChaosServer:
    """The handler of aiosmtpd, which finds methods by name."""

    plans: dict[str, Plan]
    tries: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    connections: list[SMTP] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        faults = self.plans[address].faults
        fault = faults[self.tries[address]] if self.tries[address] < len(faults) else None
        self.tries[address] += 1
        envelope.rcpt_tos.append(address)
        envelope.fault = fault
        if fault is Fault.SILENCE:
            await asyncio.Event().wait()
        if fault is Fault.HANGS_UP:
            server.transport.abort()
        return fault.value if fault in AT_RECIPIENT else "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, _session: Any, envelope: Any
    ) -> str:
        fault: Fault | None = envelope.fault
        if fault is None or fault is Fault.CUT_AFTER_DATA:
            self.taken.update(envelope.rcpt_tos)
        if fault is Fault.CUT_AFTER_DATA:
            server.transport.abort()
        return fault.value if fault else "250 OK"

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        def answer() -> SMTP:
            self.connections.append(SMTP(self, hostname="mail.test"))
            return self.connections[-1]

        server = await asyncio.get_running_loop().create_server(answer, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for connection in self.connections:
                if isinstance(connection.transport, asyncio.Transport):
                    connection.transport.abort()
            await server.wait_closed()
