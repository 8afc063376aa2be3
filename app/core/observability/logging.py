"""Structured logs: JSON in production, readable lines in development.

Never log tokens, passwords, personal data or mail bodies.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from app.core.request_context import current_context

# Job arguments and query strings can be personal.
QUIET = {
    "alembic": logging.WARNING,
    "app.core.db.pool": logging.WARNING,  # SQLAlchemy's logger of the pool
    "arq.worker": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}

logger: structlog.stdlib.BoundLogger = structlog.get_logger("vms")

_fault_listeners: list[Callable[[BaseException], None]] = []


def add_fault_listener(listener: Callable[[BaseException], None]) -> None:
    """Call `listener` with every error logged with a traceback."""
    _fault_listeners.append(listener)


def _notify_fault_listeners(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    error = event.get("exc_info") if _fault_listeners else None
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        for listener in _fault_listeners:
            listener(error)
    return event


def _with_context(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the request and the records concerned."""
    context = current_context()
    if context is not None:
        for name, value in {"request_id": context.request_id, **context.subjects}.items():
            event.setdefault(name, value)
    return event


def _on_one_line(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters, with which user text could forge lines."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name != "exception":
            event[name] = "".join(_printable(character) for character in value)
    return event


def _printable(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def configure_logging(*, debug: bool) -> None:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _notify_fault_listeners,
        structlog.processors.format_exc_info,
        _on_one_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    final: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the rich one takes seconds
        )
        if debug
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
        )
    )
    _skip_unused_lookups()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def _skip_unused_lookups() -> None:
    """Skip looking up caller, thread and process (Python's Logging HOWTO)."""
    logging._srcfile = None  # noqa: SLF001 - as it is documented
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
