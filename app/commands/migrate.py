import asyncio
from typing import Annotated

import typer

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import explained, fail, prepared

UNDER_WAY = (
    "The update is in progress: once every process runs this release, run `vms migrate --finish`.\n"
    "Until then some new functions answer 503 (update_under_way)."
)


def migrate(
    as_json: AsJson = False,
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Confirm that no process of the previous release is running"),
    ] = False,
) -> None:
    """Migrate the database to the schema of this version. Safe to run twice at once.

    After an update, run it again with --finish when every process runs the new release. After a
    change of SECRET_KEY, it encrypts stored secrets anew.
    """
    from app import migrations

    settings = prepared()
    url = settings.database_url
    try:
        with explained():
            missing = asyncio.run(migrations.missing(url))
            # Also empty if a newer version has migrated the database.
            applied = _run(url, len(missing), silent=as_json) if missing else []
            if applied:
                asyncio.run(migrations.store_earlier_stays(url))
            ring = settings.key_ring
            renewed = asyncio.run(migrations.renew_stored_secrets(url, ring))
            _, chained = asyncio.run(migrations.bring_log_up_to_date(url, ring, applied))
            under_way = asyncio.run(migrations.rollout_status(url, finish=finish))
    except migrations.Blocked:
        fail("A table is in use for too long: nothing was left half done. Run `vms migrate` again.")
    if as_json:
        revision = migrations.newest()
        print_json(
            {
                "applied": applied,
                "revision": revision,
                "renewed_secrets": renewed,
                "audit_entries_chained": chained,
                "update_under_way": under_way,
            }
        )
        return
    if applied:
        typer.echo(f"Migrated: {', '.join(applied)}.")
    else:
        typer.echo("Nothing to migrate: the database is at this version or newer.")
    if renewed:
        typer.echo(f"Secrets encrypted with the new SECRET_KEY: {renewed}.")
    if chained:
        typer.echo(f"Entries of the audit log chained: {chained}.")
    if under_way:
        typer.echo(UNDER_WAY)


def _run(url: str, number: int, *, silent: bool) -> list[str]:
    from app import migrations

    applied: list[str] = []
    with progress("Migrating", number, hidden=silent) as advance:

        def note(revision: str) -> None:
            applied.append(revision)
            advance(1)

        migrations.upgrade(url, on_each=note)
    return applied
