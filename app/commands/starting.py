import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from app.settings import Settings

T = TypeVar("T")

MORE = "build the image with EXTRAS=all, or install requirements-all.lock"
# Either enables tracing.
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}


def fail(sentence: str) -> NoReturn:
    """Exit with code 1 and one sentence on standard error."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


DataDir = Annotated[
    Path | None,
    typer.Option(help="Use the settings of the `vms dev` that runs with this data directory"),
]


def prepared(data_dir: Path | None = None) -> "Settings":
    """Configure logging and return the settings; exit if they are invalid.

    They are those of the environment, or of the `vms dev` that runs with a data directory.
    """
    from app.core.observability.logging import configure_logging

    if data_dir is not None:
        _adopt(data_dir)

    settings = load_settings()
    if not isinstance(settings, list):
        configure_logging(debug=settings.debug)
        return settings
    fail("\n".join(settings))


def _adopt(data_dir: Path) -> None:
    from devserver.environment import read
    from devserver.process import EmbeddedError

    try:
        os.environ.update(read(data_dir))
    except EmbeddedError as error:
        fail(str(error))


def load_settings() -> "Settings | list[str]":
    """Return the settings, or a sentence for each error in them."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from app.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        return [line for fault in error.errors() for line in _sentence(fault).splitlines()]
    except (OSError, SettingsError) as error:
        return [f"A settings file cannot be read: {error.__cause__ or error}."]


def refuse_open_development(settings: "Settings", host: str) -> None:
    """Exit if development mode would listen to other machines."""
    from app.core.loopback import is_loopback

    if settings.debug and not is_loopback(host):
        fail(
            f"DEBUG=true is for this machine only, and {host} is reachable by others:"
            " listen on 127.0.0.1, or unset DEBUG."
        )


def observed() -> "Settings":
    """Return the settings after starting tracing and fault reports, if enabled."""
    settings = prepared()
    if _is_traced():
        from app.core.observability.tracing import start_tracing

        start_tracing()
    if settings.sentry_dsn:
        from app.core.observability.fault_reports import report_faults

        report_faults(settings.sentry_dsn.get_secret_value())
    return settings


def refuse_missing_extras(settings: "Settings") -> None:
    """Exit if a setting needs an extra that is not installed."""
    if settings.sentry_dsn and find_spec("sentry_sdk") is None:
        fail(f"SENTRY_DSN is set, but its extra is not installed: {MORE}.")
    if _is_traced() and find_spec("opentelemetry.sdk") is None:
        fail(f"OTEL_… variables enable traces, but their extra is not installed: {MORE}.")


def warn_of_passwords_alone(settings: "Settings") -> None:
    """Log a warning if superadmins need no second factor in production."""
    from app.core.observability.logging import logger

    if not settings.debug and "superadmin" not in settings.second_factor_roles:
        logger.warning("SECOND_FACTOR_ROLES does not name superadmin")


async def refuse_behind(settings: "Settings") -> None:
    """Exit if the database lacks migrations of this version."""
    from app import migrations

    with explained():
        if await migrations.is_behind(settings.database_url):
            fail("The database needs migrations of this version: run `vms migrate` first.")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the work; exit with a sentence if the database cannot be used."""
    with explained():
        return asyncio.run(work)


@contextmanager
def explained() -> Iterator[None]:
    """Exit with a sentence if the database cannot be used in the block."""
    from app.commands.reasons import reason_of

    try:
        yield
    except Exception as error:
        if (reason := reason_of(error)) is None:
            raise
        fail(reason.sentence)


def _is_traced() -> bool:
    return bool(TRACED & os.environ.keys()) and os.environ.get("OTEL_TRACES_EXPORTER") != "none"


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    if fault["type"] == "missing":
        return f"The setting {name} is missing: set it in the environment or in .env."
    message = fault["msg"].removeprefix("Value error, ")
    return f"The setting {name} is invalid: {message}." if name else f"{message}."
