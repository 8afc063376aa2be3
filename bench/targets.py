from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Results

OLD_SYSTEM = 41  # registrations per second

Figure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Target:
    """A figure and its bound."""

    row: str
    what: str
    figure: Figure
    at_least: float | None = None
    at_most: float | None = None
    decimals: int = 2

    @property
    def bound(self) -> str:
        sign, value = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {value:g}"

    def met(self, results: Results) -> bool | None:
        """Return whether the target is met; None if it was not measured."""
        found = self.figure(results)
        if found is None:
            return None
        return (self.at_least is None or found >= self.at_least) and (
            self.at_most is None or found <= self.at_most
        )


def of(row: str, measure: str) -> Figure:
    return lambda results: results.median(row, measure)


def ratio(row: str, other: str, measure: str = "per_second") -> Figure:
    return lambda results: results.ratio(row, other, measure)


def tail(row: str) -> Figure:
    """Return the ratio of p99 to p50."""

    def figure(results: Results) -> float | None:
        p50, p99 = results.median(row, "p50"), results.median(row, "p99")
        return p99 / p50 if p50 and p99 else None

    return figure


def slowest(beginning: str, measure: str) -> Figure:
    """Return the largest value of all rows with this prefix."""
    return _worst(beginning, lambda results, row: results.median(row, measure))


def slowest_growth(beginning: str) -> Figure:
    return _worst(beginning, lambda results, row: results.growth(row))


def _worst(beginning: str, figure: Callable[[Results, str], float | None]) -> Figure:
    def worst(results: Results) -> float | None:
        found = [figure(results, row) for row in results.rows(lambda r: r.startswith(beginning))]
        return max((value for value in found if value is not None), default=None)

    return worst


TARGETS = (
    Target("register", "of F1 in statements", ratio("register", "register, F1"), at_least=0.8),
    Target("register", "requests/s", of("register", "per_second"), at_least=20 * OLD_SYSTEM),
    Target("register", "p99 : p50", tail("register"), at_most=8),
    Target("walk-in", "of a registration", ratio("walk-in", "register"), at_least=0.9),
    Target("walk-in", "statements", of("walk-in", "statements"), at_most=3, decimals=0),
    Target("one hot hour", "of F1", ratio("hot hour", "hot hour, F1"), at_least=0.8),
    Target("one hot hour", "seats too many", of("last seats", "overbooked"), at_most=0),
    Target(
        "full hour, its lock held", "refused, p99 ms", of("full hour, locked", "p99"), at_most=250
    ),
    Target("verify-qr, admitted", "of F1", ratio("scan", "scan, F1"), at_least=0.9),
    Target("verify-qr, replay", "of F1", ratio("scan, replay", "scan, F1"), at_least=1.5),
    Target("verify-qr, forged", "of F3", ratio("scan, forged", "scan, F3"), at_least=0.5),
    Target(
        "verify-qr, forged", "statements", of("scan, forged", "statements"), at_most=1, decimals=0
    ),
    Target("100 scans/s beside all else", "p99 ms", of("scan, beside", "p99"), at_most=50),
    Target("upload of 20", "p50 ms", of("upload", "p50"), at_most=20),
    Target("upload of 20", "statements", of("upload", "statements"), at_most=12, decimals=0),
    Target("group of 100", "p50 ms", of("group", "p50"), at_most=80),
    Target("group of 100", "statements", of("group", "statements"), at_most=12, decimals=0),
    Target("badge", "p50 ms", of("badge", "p50"), at_most=50),
    # 10,000 events a second.
    Target("events, 200 a page", "requests/s", of("events", "per_second"), at_least=50),
    Target("events, 200 a page", "statements", of("events", "statements"), at_most=2, decimals=0),
    Target("list, the slowest", "p50 ms", slowest("list, ", "p50"), at_most=10),
    Target("list, the slowest", "of 10k visitors", slowest_growth("list, "), at_most=1.3),
    Target("list", "statements", slowest("list, ", "statements"), at_most=2, decimals=0),
    Target("dashboard", "p50 ms", of("dashboard", "p50"), at_most=15),
    Target("dashboard", "of 10k visitors", lambda r: r.growth("dashboard"), at_most=1.5),
    Target("desk", "p50 ms", of("desk", "p50"), at_most=15),
    Target("desk", "statements", of("desk", "statements"), at_most=4, decimals=0),
    Target("available-slots", "p50 ms", of("available-slots", "p50"), at_most=3),
    Target(
        "available-slots", "statements", of("available-slots", "statements"), at_most=2, decimals=0
    ),
    Target("export", "seconds", of("export", "seconds"), at_most=3),
    Target("export", "first byte, seconds", of("export", "first_byte"), at_most=0.5),
    Target("export", "MB above idle", of("export", "above_idle"), at_most=40),
    *(
        Target(what, "p50 ms", of(row, "p50"), at_most=100)
        for what, row in (
            ("muster of 2,000, started", "muster, start"),
            ("muster of 2,000, read", "muster, roster"),
            ("muster, 500 marks", "muster, marks"),
        )
    ),
    Target("muster, 500 marks", "statements", of("muster, marks", "statements"), at_most=8),
    Target("1,000 idle streams", "MB", of("streams, idle", "above_idle"), at_most=60),
    Target("commit to stream", "p99 ms", of("stream, delay", "p99"), at_most=1000),
    Target("mails, one worker", "mails/s", of("mails", "per_second"), at_least=300),
    Target("mails, one worker", "answer to SMTP, p50 ms", of("mail, delay", "p50"), at_most=150),
    Target("webhooks, one worker", "deliveries/s", of("webhooks", "per_second"), at_least=500),
    Target("vms dev, with data", "ready, seconds", of("vms dev", "seconds"), at_most=3),
    Target("idle API and worker", "MB", of("idle", "mb"), at_most=220),
    Target("others while 6 log in", "p99 ms", of("beside logins", "p99"), at_most=20),
    *(
        Target(row, "p95 of usual", ratio(row, "login, usual", "p95"), at_most=3)
        for row in ("login, one network", "login, 50 networks", "login, 300 at once")
    ),
    Target(
        "two processes",
        "of one",
        ratio("register, two processes", "register, one process"),
        at_least=1.2,
    ),
    Target(
        "register while visits are closed", "p99 ms", of("register, closing", "p99"), at_most=100
    ),
    Target("closing 50,000 visits", "left open", of("closing visits", "left_open"), at_most=0),
)
