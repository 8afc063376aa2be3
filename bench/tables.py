import statistics
from collections.abc import Iterable, Sequence
from itertools import chain

from bench.results import Results
from bench.targets import TARGETS, Target

# Measure, heading, decimals.
COLUMNS = (
    ("per_second", "a second", 0),
    ("p50", "p50 ms", 1),
    ("p95", "p95 ms", 1),
    ("p99", "p99 ms", 1),
    ("errors", "errors", 0),
    ("cpu_ms", "CPU ms", 2),
    ("database_ms", "database's", 2),
    ("client_ms", "client's", 2),
    ("peak_mb", "peak MB", 0),
    ("statements", "statements", 0),
    ("bytes", "bytes", 0),
)
NOISY = 0.25
BUSY = 0.25
MET = {True: "yes", False: "**no**", None: "not measured"}


def report(results: Results) -> str:
    parts = (
        ("Targets", [_conditions(results), *_noise(results), _faults(results), _targets(results)]),
        (f"All figures at {max(results.sizes):,} visitors", [_figures(results)]),
        ("Growth", [_growth(results)]),
    )
    return "\n\n".join(
        chain.from_iterable((f"## {title}", *filter(None, texts)) for title, texts in parts)
    )


def _conditions(results: Results) -> str:
    return "; ".join(f"{name} {value}" for name, value in results.conditions.items()) + "."


def _noise(results: Results) -> Iterable[str]:
    """Report the spread of the floors, the steadiest figures, as the noise of the machine."""
    spread, load = results.spread(), results.conditions["load"] / results.conditions["processors"]
    yield f"Widest spread of a floor over its rounds: {spread:.0%} of its median."
    if spread > NOISY or load > BUSY:
        yield "**A noisy machine: read the ratios, and not the times.**"


def _faults(results: Results) -> str:
    return "\n".join(f"- **{name} broke off:** {fault}" for name, fault in results.faults.items())


def _targets(results: Results) -> str:
    rows = [
        (each.row, each.what, each.bound, _found(each, results), MET[each.met(results)])
        for each in TARGETS
    ]
    return table(("what", "figure", "target", "measured", "met"), rows)


def _found(target: Target, results: Results) -> str:
    found = target.figure(results)
    return "" if found is None else f"{found:.{target.decimals}f}"


def _figures(results: Results) -> str:
    known = [column for column in COLUMNS if _is_measured(results, column[0])]
    rows = [
        (row, *(_cell(results, row, name, decimals) for name, _, decimals in known))
        for row, measures in results.largest.items()
        if measures.keys() & {name for name, *_ in COLUMNS}
    ]
    return table(("what", *(heading for _, heading, _ in known)), rows)


def _is_measured(results: Results, measure: str) -> bool:
    return any(measure in measures for measures in results.largest.values())


def _cell(results: Results, row: str, measure: str, decimals: int) -> str:
    values = results.largest[row].get(measure)
    if not values:
        return ""
    middle = f"{statistics.median(values):,.{decimals}f}"
    if measure != "per_second" or len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.0f}-{max(values):,.0f})"


def _growth(results: Results) -> str:
    """Return the measurements at several sizes."""
    sizes = sorted(results.sizes)
    columns = {name for name, *_ in COLUMNS} - {"p50"}
    rows = [
        (f"{row}: {measure}", *(_at(results, row, measure, size) for size in sizes))
        for row, measures in results.largest.items()
        for measure in measures
        if measure not in columns and (measure != "p50" or row in results.sizes[sizes[0]])
    ]
    return table(("what", *(f"{size:,}" for size in sizes)), rows)


def _at(results: Results, row: str, measure: str, size: int) -> str:
    found = results.median(row, measure, size)
    return "" if found is None else f"{found:,.1f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, aligned as plain text."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    rules = ["-" * width if at == 0 else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "\n".join(_line(cells, widths) for cells in (headings, rules, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if at == 0 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
