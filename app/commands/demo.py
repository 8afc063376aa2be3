"""`vms demo`: an invented company with its visitors, to look round in."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import fail, prepared, refuse_behind, run

if TYPE_CHECKING:
    from app.demo.filling import Filled
    from app.settings import Settings

MOST_VISITORS = 5_000_000


def demo(
    visitors: Annotated[int, typer.Option(min=1, max=MOST_VISITORS, help="How many")] = 2_000,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take a demonstration away first, if there is one")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the demonstration away, and add none")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Be content with a demonstration that is there already")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="In production, too (DEBUG is not set)")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the database with an invented company: sites, hosts, visitors of half a year, and mails.

    The sites are new ones, marked as (demo); nothing of yours is touched. No mail is sent: those
    that the visits would have caused are there as sent. Their addresses are of example.com, which
    takes none. All of it is added, or nothing.
    """
    settings = prepared()
    if not (settings.debug or force):
        fail("This is a production installation: add --force if invented visitors belong here.")
    run(refuse_behind(settings))
    removed = _remove(settings, silent=as_json) if replace or remove else False
    filled = None if remove else _fill(settings, visitors, once=once, silent=as_json)
    _tell(filled, removed=removed, as_json=as_json)


def _remove(settings: "Settings", *, silent: bool) -> bool:
    from app.demo import filling

    with progress("Taking away what is there", None, hidden=silent):
        return run(filling.remove(settings.database_url))


def _fill(settings: "Settings", visitors: int, *, once: bool, silent: bool) -> "Filled | None":
    import asyncpg

    from app.core.clock import SystemClock
    from app.core.qr_token import QrTokens
    from app.demo import filling

    codes, now = QrTokens(settings.key_ring), SystemClock().now()
    try:
        with progress("Inventing visitors", visitors, hidden=silent) as advance:
            return run(filling.fill(settings.database_url, codes, visitors, now, advance))
    except filling.AlreadyThere:
        if once:
            return None
        fail("A demonstration is there already: --replace makes a new one, --remove takes it away.")
    except asyncpg.UniqueViolationError as error:
        fail(f"Something of yours has the name of a part of the demonstration: {error.detail}")


def _tell(filled: "Filled | None", *, removed: bool, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json({"added": asdict(filled) if filled else None, "removed": removed})
        return
    if removed:
        typer.echo("The demonstration that was there is gone.")
    if filled:
        typer.echo(
            f"{filled.visitors} visitors of {filled.sites} sites on {filled.days} days"
            f" in {filled.slots} slots."
        )
    elif not removed:
        typer.echo("Nothing was changed.")
