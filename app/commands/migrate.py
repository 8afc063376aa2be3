"""`vms migrate`."""

import asyncio

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import fail, prepared


def migrate(as_json: AsJson = False) -> None:
    """Bring the database to the schema of this version. Safe to run twice at once."""
    from app import migrations

    url = prepared().database_url
    applied: list[str] = []
    try:
        missing = asyncio.run(migrations.missing(url))
        with progress("Migrating", len(missing), hidden=as_json or not missing) as advance:

            def note(revision: str) -> None:
                applied.append(revision)
                advance(1)

            migrations.upgrade(url, on_each=note)
    except migrations.Blocked:
        fail("A table is in use for too long: nothing was changed. Run `vms migrate` again.")
    except OSError as error:
        fail(f"The database of DATABASE_URL can't be reached: {error}.")
    if as_json:
        print_json({"applied": applied, "revision": migrations.newest()})
