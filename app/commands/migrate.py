"""`vms migrate`."""

import asyncio

import typer

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import explained, fail, prepared


def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this version. Safe to run twice at once."""
    from app import migrations

    url = prepared().database_url
    try:
        with explained():
            missing = asyncio.run(migrations.missing(url))
            # Nothing is missing where a newer version was, either, whose migrations are not here.
            applied = _run(url, len(missing), silent=as_json) if missing else []
    except migrations.Blocked:
        fail("A table is in use for too long: nothing was left half done. Run `vms migrate` again.")
    if as_json:
        print_json({"applied": applied, "revision": migrations.newest()})
    elif applied:
        typer.echo(f"Migrated: {', '.join(applied)}.")
    else:
        typer.echo("Nothing to migrate: the database is at this version or a newer one.")


def _run(url: str, number: int, *, silent: bool) -> list[str]:
    from app import migrations

    applied: list[str] = []
    with progress("Migrating", number, hidden=silent) as advance:

        def note(revision: str) -> None:
            applied.append(revision)
            advance(1)

        migrations.upgrade(url, on_each=note)
    return applied
