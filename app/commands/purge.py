from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.showing import AsJson, print_json, progress
from app.commands.starting import DataDir, fail, prepared, run

if TYPE_CHECKING:
    from app.settings import Settings


def purge(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="List the visitors that would be anonymised, without changes"
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Anonymise visitors whose visit is more than RETENTION_DAYS ago."""
    settings = prepared(data_dir)
    if settings.retention_days is None:
        fail("RETENTION_DAYS is not set: visitors are kept indefinitely.")
    if dry_run:
        _list(run(_due(settings, settings.retention_days)), as_json=as_json)
        return
    done = run(_purge(settings, settings.retention_days, silent=as_json))
    if as_json:
        print_json({"anonymised": done})
    else:
        typer.echo(f"Visitors anonymised: {done}")


def _list(due: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        names = ("id", "visit_date", "site", "status")
        print_json([dict(zip(names, row, strict=True)) for row in due])
        return
    for visitor_id, day, site, status in due:
        typer.echo(f"{visitor_id}\t{day}\t{site}\t{status.value}")
    typer.echo(f"Visitors that would be anonymised: {len(due)}")


async def _due(settings: "Settings", days: int) -> Sequence[Any]:
    from app.core.clock import SystemClock
    from app.core.db.database import Database
    from app.visitors import retention_jobs as retention

    database = Database(settings.database_url)
    try:
        return await retention.due(database, SystemClock().now(), days)
    finally:
        await database.close()


async def _purge(settings: "Settings", days: int, *, silent: bool) -> int:
    from app.audit.models import AuditAction
    from app.audit.repository import COMMAND_LINE, record
    from app.core.clock import SystemClock
    from app.core.db.database import Database
    from app.musters.retention_jobs import erase_past_musters
    from app.visitors import retention_jobs as retention

    database, now = Database(settings.database_url), SystemClock().now()
    try:
        total = await retention.count_due(database, now, days)
        with progress("Anonymising", total, hidden=silent) as advance:
            done = await retention.anonymise_past(database, now, days, advance)
        await erase_past_musters(database, now, days)
        async with database.write() as unit:
            record(unit, AuditAction.VISITORS_PURGED, None, COMMAND_LINE, now, visitors=done)
        return done
    finally:
        await database.close()
