"""What commands show: progress for who waits, JSON for a script.

Progress goes to standard error, and only where somebody looks: what is piped on, or kept as a log,
has the results alone.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="For a script to read")]
Advance = Callable[[int], None]


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def progress(what: str, total: int | None, *, hidden: bool = False) -> Iterator[Advance]:
    """A bar that is told how much more is done; without a `total` it only says that it moves."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    counting = () if total is None else (MofNCompleteColumn(), TimeRemainingColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *counting)
    silent = hidden or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
