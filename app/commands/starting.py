"""How a command begins, and how it ends when it can't go on."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from app.settings import Settings

T = TypeVar("T")

MORE = "build the image with EXTRAS=all, or install requirements-all.lock"
# Whoever sets one of these wants traces.
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}


def fail(sentence: str) -> NoReturn:
    """End with one sentence on standard error, and 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def prepared() -> "Settings":
    """The checked settings, with the logs set up by them."""
    from app.core.logging import configure_logging

    settings = load_settings()
    if not isinstance(settings, list):
        configure_logging(debug=settings.debug)
        return settings
    fail("\n".join(settings))


def load_settings() -> "Settings | list[str]":
    """Return the settings, or a sentence for each thing that keeps them from being used."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from app.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        return [line for fault in error.errors() for line in _sentence(fault).splitlines()]
    except (OSError, SettingsError) as error:
        return [f"A file of settings can't be read: {error.__cause__ or error}."]


def refuse_open_development(settings: "Settings", host: str) -> None:
    """End where development mode would listen to other machines."""
    from app.settings import is_loopback

    if settings.debug and not is_loopback(host):
        fail(
            f"DEBUG=true is for this machine alone, and {host} is reached by others:"
            " listen on 127.0.0.1, or leave DEBUG out."
        )


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


def refuse_missing_extras(settings: "Settings") -> None:
    """End where a setting asks for a part that is not installed."""
    if settings.sentry_dsn and find_spec("sentry_sdk") is None:
        fail(f"SENTRY_DSN is set, but its part is not installed: {MORE}.")
    if _is_traced() and find_spec("opentelemetry.sdk") is None:
        fail(f"OTEL_… variables ask for traces, which need more: {MORE}.")


async def refuse_behind(settings: "Settings") -> None:
    """End where the database has not been migrated to this version."""
    from app import migrations

    with explained():
        if await migrations.is_behind(settings.database_url):
            fail("The database is behind this version: run `vms migrate` first.")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work results in; ends with a sentence where the database can't be used."""
    with explained():
        return asyncio.run(work)


@contextmanager
def explained() -> Iterator[None]:
    """Ends with a sentence where the database can't be used."""
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
    return f"The setting {name} is wrong: {message}." if name else f"{message}."
