"""How much is measured."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """The numbers of a run; `sizes` are visitors, the last of them being what targets speak of."""

    sizes: tuple[int, ...]
    rounds: int
    requests: int
    """Of one round, sent as fast as they are answered."""
    reads: int
    """Of one round, one after the other."""
    seconds: float
    """Of a load at a fixed rate."""
    exported: int
    mails: int
    closed: int
    """Visits that the nightly job finds open."""
    purged: int

    def up_to(self, rows: int) -> "Scale":
        """The same, ending at so many visitors."""
        return replace(self, sizes=(*(size for size in self.sizes if size < rows), rows))


FULL = Scale(
    sizes=(10_000, 100_000, 1_000_000),
    rounds=3,
    requests=1500,
    reads=30,
    seconds=15,
    exported=100_000,
    mails=3000,
    closed=50_000,
    purged=10_000,
)
QUICK = Scale(
    sizes=(1_000, 10_000),
    rounds=2,
    requests=500,
    reads=10,
    seconds=3,
    exported=10_000,
    mails=400,
    closed=2_000,
    purged=500,
)
# Shows in seconds that everything still runs, and nothing else.
SMOKE = Scale(
    sizes=(150, 300),
    rounds=1,
    requests=20,
    reads=2,
    seconds=0.5,
    exported=300,
    mails=10,
    closed=20,
    purged=10,
)
