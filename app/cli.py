"""The `vms` command.

The parts of the service are imported by the commands that use them: together they take seconds,
and `vms dev` needs none of them itself.
"""

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from app.settings import Settings

app = typer.Typer(
    name="vms",
    help="Visitor management: the service, its worker, its database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Host = Annotated[str, typer.Option(help="Address to listen on")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on")]


def main() -> None:
    """The entry point; a wrong setting ends it with a sentence that names the setting."""
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
    configure_logging(debug=settings.debug)
    return settings


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    if fault["type"] == "missing":
        return f"The setting {name} is missing: set it in the environment or in .env."
    message = fault["msg"].removeprefix("Value error, ")
    return f"The setting {name} is wrong: {message}." if name else f"{message}."


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000, workers: int = 1) -> None:
    """Answer requests. Starts nothing else."""
    import uvicorn

    asyncio.run(_refuse_unready(prepared()))
    uvicorn.run(
        "app.cli:make_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=15,
    )


def make_app() -> Any:
    """The application of one server process."""
    from app.main import create_app

    return create_app(prepared())


async def _refuse_unready(settings: "Settings") -> None:
    from app import migrations
    from app.users import accounts

    try:
        if await migrations.is_behind(settings.database_url):
            fail("The database is behind this version: run `vms migrate` first.")
        if not settings.debug and await accounts.has_development_accounts(settings):
            fail(
                "The development accounts are still there with their published passwords: "
                "change the passwords or delete the accounts before you serve."
            )
    except OSError as error:
        fail(f"The database of DATABASE_URL can't be reached: {error}.")


@app.command()
def worker() -> None:
    """Send mail, remind, and close visits that are over."""
    from workers.main import run

    _run(run(prepared()))


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version. Safe to run twice at once."""
    from app import migrations

    try:
        migrations.upgrade(prepared().database_url)
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
        secret_key="the document holds no secret of anybody",  # noqa: S106
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
