from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import DataDir, fail, prepared, refuse_behind, run

if TYPE_CHECKING:
    from app.settings import Settings
    from devserver.demo.filling import Filled

MOST_VISITORS = 5_000_000


def demo(
    visitors: Annotated[
        int, typer.Option(min=1, max=MOST_VISITORS, help="Number of visitors")
    ] = 2_000,
    replace: Annotated[
        bool, typer.Option("--replace", help="First remove existing demo data")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the demo data and add none")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Do nothing if there is demo data already")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Allow this in production (DEBUG is not set)")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fill the database with a fictional company: sites, hosts, visitors of half a year, and mails.

    The sites are new and marked (demo); existing data is not touched, and no mail is sent. Either
    everything is added or nothing.
    """
    settings = prepared(data_dir)
    if not (settings.debug or force):
        fail("This is a production installation: add --force to add demo data anyway.")
    run(refuse_behind(settings))
    removed = _remove(settings, silent=as_json) if replace or remove else False
    filled = None if remove else _fill(settings, visitors, once=once, silent=as_json)
    _print_result(filled, removed=removed, as_json=as_json)


def _remove(settings: "Settings", *, silent: bool) -> bool:
    from devserver.demo import filling

    with progress("Removing demo data", None, hidden=silent):
        return run(filling.remove(settings.database_url))


def _fill(settings: "Settings", visitors: int, *, once: bool, silent: bool) -> "Filled | None":
    from app.core.clock import SystemClock
    from app.core.security.qr_token import QrTokens
    from devserver.demo import filling

    codes, now = QrTokens(settings.key_ring), SystemClock().now()
    try:
        with progress("Adding visitors", visitors, hidden=silent) as advance:
            return run(filling.fill(settings.database_url, codes, visitors, now, advance))
    except filling.AlreadyThere as there:
        said = f"Demo data exists already, with {there.visitors} visitors"
        if once:
            if silent:
                return None
            typer.echo(f"{said}: nothing is added.")
            raise typer.Exit from None
        fail(f"{said}: use --replace to renew it or --remove to delete it.")
    except filling.NameTaken as taken:
        fail(f"An existing record has the name of a demo record: {taken}")


def _print_result(filled: "Filled | None", *, removed: bool, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json({"added": asdict(filled) if filled else None, "removed": removed})
        return
    if removed:
        typer.echo("The existing demo data was removed.")
    if filled:
        typer.echo(
            f"{filled.visitors} visitors of {filled.sites} sites on {filled.days} days"
            f" in {filled.slots} slots."
        )
    elif not removed:
        typer.echo("Nothing was changed.")
