from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """The numbers of a run; `sizes` are numbers of visitors."""

    sizes: tuple[int, ...]
    rounds: int
    requests: int
    """Per round, as fast as they are answered."""
    reads: int
    """Per round, one after another."""
    seconds: float
    """For requests at a fixed rate."""
    exported: int
    mails: int
    closed: int
    """Open visits for the nightly job."""
    purged: int

    def up_to(self, rows: int) -> "Scale":
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
# Checks that everything still works.
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
