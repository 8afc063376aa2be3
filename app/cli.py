"""The `vms` command.

Commands import what they use, since importing everything takes seconds.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.audit import audit
from app.commands.demo import demo
from app.commands.migrate import migrate
from app.commands.purge import purge
from app.commands.scan import scan
from app.commands.second_factor import reset_second_factor
from app.commands.showing import AsJson, print_json
from app.commands.starting import (
    DataDir,
    explained,
    fail,
    load_settings,
    observed,
    prepared,
    refuse_behind,
    refuse_missing_extras,
    refuse_open_development,
    run,
    warn_of_passwords_alone,
)
from app.commands.webhooks import webhooks

if TYPE_CHECKING:
    from app.settings import Settings

app = typer.Typer(
    name="vms",
    help="Visitor management: the service, its worker, its database.",
    epilog="Exit codes: 0 success, 1 failure (explained on standard error), 2 wrong"
    " usage. `scan` has exit codes of its own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

# Objects between garbage collections, until `tune_interpreter`: a seventh of the time of a start.
LOADING = 50_000


def _version(wanted: bool) -> None:
    if wanted:
        from app import __version__

        print(f"vms {__version__}")
        raise typer.Exit


# Groups in the help.
RUN, KEEP, TRY = "Run", "Maintain", "Try"

Host = Annotated[str, typer.Option(help="Address to listen on")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on")]


@app.callback()
def _every_command(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version"),
    ] = False,
) -> None:
    """Visitor management: the service, its worker, its database."""


def main() -> None:
    """Run the command line."""
    if os.getpid() == 1:  # in a container, where unhandled signals are ignored
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    gc.set_threshold(LOADING)  # what is imported stays
    app()


@app.command(rich_help_panel=RUN)
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes")] = 1,
    linger: Annotated[
        float, typer.Option(min=0, max=300, help="Seconds to keep serving after SIGTERM")
    ] = 0,
) -> None:
    """Answer requests. Starts nothing else."""
    from app import __version__, serving
    from app.core.observability.logging import logger
    from app.core.observability.metrics import counted_together

    if workers > 1 and linger:
        fail("--linger works with a single process only: start several services, or omit it.")
    settings = prepared()
    refuse_missing_extras(settings)
    refuse_open_development(settings, host)
    asyncio.run(_refuse_unready(settings))
    warn_of_passwords_alone(settings)
    logger.info("service starts", version=__version__, address=f"{host}:{port}", processes=workers)
    with counted_together(workers):
        serving.serve(host, port, workers=workers, linger=linger)


def make_app() -> Any:
    """Create the application of a server process."""
    from app.core.interpreter import tune_interpreter
    from app.main import create_app

    app = create_app(observed())
    tune_interpreter()
    return app


async def _refuse_unready(settings: "Settings") -> None:
    from app.core.db.engine import missing_limits
    from app.users import account_service as accounts

    await refuse_behind(settings)
    with explained():
        if missing := await missing_limits(settings.database_url):
            fail(
                "Sessions behind the pooler of DATABASE_URL have no limits. Set them on its role "
                "in PostgreSQL, then restart the pooler:\n" + "\n".join(missing)
            )
        if not settings.debug and await accounts.has_development_accounts(settings):
            fail(
                "The development accounts still have their published passwords: "
                "change the passwords or delete the accounts before you serve."
            )


@app.command(rich_help_panel=RUN)
def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Check that the worker of this machine is alive")
    ] = False,
) -> None:
    """Send mail, remind hosts and visitors, and close visits that are over."""
    if check:
        _check_worker(prepared())
        return
    settings = prepared()
    refuse_missing_extras(settings)
    asyncio.run(refuse_behind(settings))
    from app import __version__
    from app.core.observability.logging import logger
    from workers.main import run as work

    logger.info("worker starts", version=__version__, figures=settings.worker_metrics_port)
    run(work(observed()))


def _check_worker(settings: "Settings") -> None:
    from workers.heartbeat import NotAlive, heartbeat_of, longest_pause

    try:
        print(heartbeat_of(settings).check(longest_pause(settings)))
    except NotAlive as reason:
        fail(str(reason))


app.command(rich_help_panel=KEEP)(migrate)


@app.command(rich_help_panel=KEEP)
def create_superadmin(
    email: Annotated[str, typer.Option(help="E-mail address of the account")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create an account with every permission."""
    from app.users import account_service as accounts

    settings = prepared()
    password = (
        sys.stdin.readline().rstrip("\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    try:
        run(accounts.create_superadmin(settings, email, password))
    except ValueError as error:
        fail(str(error))
    if as_json:
        print_json({"email": email, "role": "superadmin"})
    else:
        print(f"{email} is a superadmin.")


@app.command(rich_help_panel=KEEP)
def doctor(
    data_dir: DataDir = None,
    as_json: AsJson = False,
    before_update: Annotated[
        bool,
        typer.Option(
            "--before-update", help="List what this release refuses in your current settings"
        ),
    ] = False,
) -> None:
    """Check settings, database, Redis, SMTP, clock and mail, and suggest fixes.

    Exits with 1 if something must be fixed before requests can be served correctly.
    """
    from app.commands import doctor as looks

    findings = (
        looks.before_update(load_settings()) if before_update else looks.examine(prepared(data_dir))
    )
    print(looks.as_json(findings) if as_json else looks.report(findings))
    if any(finding.health is looks.Health.FAULT for finding in findings):
        raise typer.Exit(1)


app.command(rich_help_panel=KEEP)(reset_second_factor)
app.command(rich_help_panel=KEEP)(purge)
app.add_typer(audit, name="audit", rich_help_panel=KEEP)
app.command(rich_help_panel=TRY)(demo)
app.command(rich_help_panel=TRY)(scan)
app.add_typer(webhooks, name="webhooks", rich_help_panel=TRY)


@app.command(hidden=True)
def dev_accounts(
    demo: Annotated[bool, typer.Option("--demo", help="Also one of each other role")] = False,
) -> None:
    """Create the accounts of development mode."""
    from app.users import account_service as accounts

    settings = prepared()
    if not settings.debug:
        fail("Development accounts are only created in development mode (DEBUG=true).")
    run(accounts.create_development_accounts(settings, demo=demo))


@app.command(rich_help_panel=TRY)
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app

    document = create_app(_document_settings()).openapi()
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _document_settings() -> "Settings":
    """Return placeholder settings; the document does not depend on them."""
    from app.settings import Settings

    return Settings(
        _env_file=None,
        debug=True,
        secret_key="a placeholder, since the document has no secrets",  # noqa: S106 - no secret
        database_url="postgresql://localhost/none",
        redis_url="redis://localhost",
        email_host="localhost",
    )


@app.command(rich_help_panel=RUN)
def dev(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(help="Directory for data and mail")] = Path(".vms"),
    demo_visitors: Annotated[
        int,
        typer.Option(
            "--demo", metavar="N", min=0, help="Add this many demo visitors, as `vms demo` does"
        ),
    ] = 0,
) -> None:
    """Run everything on this machine: PostgreSQL, Redis, a mail catcher, API and worker."""
    from devserver.dev import run_dev

    raise typer.Exit(run_dev(port=port, data_dir=data_dir, demo=demo_visitors))


if __name__ == "__main__":
    main()
