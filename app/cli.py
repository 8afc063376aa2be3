"""The `vms` command.

The parts of the service are imported by the commands that use them: together they take seconds,
and `vms dev` needs none of them itself.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.commands.scan import scan

if TYPE_CHECKING:
    from app.settings import Settings

app = typer.Typer(
    name="vms",
    help="Visitor management: the service, its worker, its database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.command()(scan)

# Whoever sets one of these wants traces.
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}

Host = Annotated[str, typer.Option(help="Address to listen on")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on")]


def main() -> None:
    """The entry point; a wrong setting ends it with a sentence that names the setting."""
    if os.getpid() == 1:  # in a container, where a signal that nobody handles would be ignored
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    app()


def fail(sentence: str) -> NoReturn:
    """End with one sentence on standard error."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(1)


def prepared() -> "Settings":
    """The checked settings, with the logs set up by them."""
    from pydantic import ValidationError

    from app.core.logging import configure_logging
    from app.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        fail("\n".join(_sentence(fault) for fault in error.errors()))
    except OSError as error:
        fail(f"A file of settings can't be read: {error}.")
    configure_logging(debug=settings.debug)
    return settings


def observed() -> "Settings":
    """The same for a process that stays: traced, and its faults reported, where that is wanted."""
    settings = prepared()
    if _is_traced():
        from app.core.tracing import start_tracing

        start_tracing()
    if settings.sentry_dsn:
        from app.core.fault_reports import report_faults

        report_faults(settings.sentry_dsn.get_secret_value())
    return settings


def _is_traced() -> bool:
    return bool(TRACED & os.environ.keys()) and os.environ.get("OTEL_TRACES_EXPORTER") != "none"


def _refuse_missing_extras(settings: "Settings") -> None:
    if settings.sentry_dsn and find_spec("sentry_sdk") is None:
        fail("SENTRY_DSN is set, but its part is not installed: pip install 'vms[sentry]'.")
    if _is_traced() and find_spec("opentelemetry.sdk") is None:
        fail("OTEL_… variables ask for traces, which need more: pip install 'vms[tracing]'.")


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    if fault["type"] == "missing":
        return f"The setting {name} is missing: set it in the environment or in .env."
    message = fault["msg"].removeprefix("Value error, ")
    return f"The setting {name} is wrong: {message}." if name else f"{message}."


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes")] = 1,
    linger: Annotated[
        float, typer.Option(min=0, max=300, help="Seconds to serve on after SIGTERM, not ready")
    ] = 0,
) -> None:
    """Answer requests. Starts nothing else."""
    from app import serving
    from app.core.metrics import counted_together

    if workers > 1 and linger:
        fail("--linger is for a single process: start several of them, or leave it out.")
    settings = prepared()
    _refuse_missing_extras(settings)
    asyncio.run(_refuse_unready(settings))
    with counted_together(workers):
        serving.serve(host, port, workers=workers, linger=linger)


def make_app() -> Any:
    """The application of one server process."""
    from app.core.memory import settle
    from app.main import create_app

    app = create_app(observed())
    settle()
    return app


async def _refuse_behind(settings: "Settings") -> None:
    from app import migrations

    try:
        if await migrations.is_behind(settings.database_url):
            fail("The database is behind this version: run `vms migrate` first.")
    except OSError as error:
        fail(f"The database of DATABASE_URL can't be reached: {error}.")


async def _refuse_unready(settings: "Settings") -> None:
    from app.core.engine import missing_limits
    from app.users import accounts

    await _refuse_behind(settings)
    try:
        if missing := await missing_limits(settings.database_url):
            fail(
                "Behind the pooler of DATABASE_URL nothing limits a session. Give its role "
                "limits in PostgreSQL, then restart the pooler:\n" + "\n".join(missing)
            )
        if not settings.debug and await accounts.has_development_accounts(settings):
            fail(
                "The development accounts are still there with their published passwords: "
                "change the passwords or delete the accounts before you serve."
            )
    except OSError as error:
        fail(f"The database of DATABASE_URL can't be reached: {error}.")


@app.command()
def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Ask whether the worker of this machine moves")
    ] = False,
) -> None:
    """Send mail, remind, and close visits that are over."""
    if check:
        _check_worker(prepared())
        return
    settings = prepared()
    _refuse_missing_extras(settings)
    asyncio.run(_refuse_behind(settings))
    from workers.main import run

    _run(run(observed()))


def _check_worker(settings: "Settings") -> None:
    from workers.heartbeat import NotAlive, heartbeat_of, longest_pause

    try:
        print(heartbeat_of(settings).check(longest_pause(settings)))
    except NotAlive as reason:
        fail(str(reason))


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version. Safe to run twice at once."""
    from app import migrations

    try:
        migrations.upgrade(prepared().database_url)
    except migrations.Blocked:
        fail("A table is in use for too long: nothing was changed. Run `vms migrate` again.")
    except OSError as error:
        fail(f"The database of DATABASE_URL can't be reached: {error}.")


@app.command()
def create_superadmin(
    email: Annotated[str, typer.Option(help="E-mail address of the account")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
) -> None:
    """Make an account that may do everything."""
    from app.users import accounts

    settings = prepared()
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    try:
        _run(accounts.create_superadmin(settings, email, password))
    except ValueError as error:
        fail(str(error))
    print(f"{email} is a superadmin.")


@app.command()
def purge(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List who would be anonymised and change nothing")
    ] = False,
) -> None:
    """Anonymise visitors whose visit is longer ago than RETENTION_DAYS."""
    settings = prepared()
    if settings.retention_days is None:
        fail("The setting RETENTION_DAYS is not set: visitors are kept without a limit.")
    _run(_purge(settings, settings.retention_days, dry_run=dry_run))


async def _purge(settings: "Settings", days: int, *, dry_run: bool) -> None:
    from app.core.clock import SystemClock
    from app.core.database import Database
    from app.visitors import retention

    database, now = Database(settings.database_url), SystemClock().now()
    try:
        if not dry_run:
            print(f"Visitors anonymised: {await retention.anonymise_past(database, now, days)}")
            return
        due = await retention.due(database, now, days)
        for visitor_id, day, site, status in due:
            print(visitor_id, day, site, status.value, sep="\t")
        print(f"Visitors that would be anonymised: {len(due)}")
    finally:
        await database.close()


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a script to read")] = False,
) -> None:
    """Look at settings, database, Redis, SMTP, clock and mail, and say what to do.

    Ends with 1 where something must be done before requests are served rightly.
    """
    from app.commands import doctor as looks

    findings = looks.examine(prepared())
    print(looks.as_json(findings) if as_json else looks.report(findings))
    if any(finding.health is looks.Health.FAULT for finding in findings):
        raise typer.Exit(1)


@app.command(hidden=True)
def dev_accounts() -> None:
    """Make the two accounts of development mode."""
    from app.users import accounts

    settings = prepared()
    if not settings.debug:
        fail("Development accounts are made in development mode alone (DEBUG=true).")
    _run(accounts.create_development_accounts(settings))


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app

    document = create_app(_document_settings()).openapi()
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _document_settings() -> "Settings":
    """The document is the same for every installation: it needs no settings of one."""
    from app.settings import Settings

    return Settings(
        _env_file=None,
        debug=True,
        secret_key="the document holds no secret of anybody",  # noqa: S106 - no secret
        database_url="postgresql://localhost/none",
        redis_url="redis://localhost",
        email_host="localhost",
    )


@app.command()
def dev(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(help="Where data and mail are kept")] = Path(".vms"),
) -> None:
    """Run everything on this machine: PostgreSQL, Redis, a mail catcher, API and worker."""
    from app.embedded.dev import run_dev

    raise typer.Exit(run_dev(port=port, data_dir=data_dir))


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except OSError as error:
        fail(f"A part of the service can't be reached: {error}.")


if __name__ == "__main__":
    main()
