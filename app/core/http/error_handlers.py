"""Turn exceptions into problem documents."""

import errno
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.core import errors
from app.core.db.errors import DRIVER_ERRORS, is_stale_statement
from app.core.http.idempotency import RepeatedRequest

# SQLSTATEs that a retry may resolve (PostgreSQL, appendix A).
BUSY = {"40001", "40P01", "55P03", "57014", "53200", "53300"}
# Another transaction got between check and write.
RACED = {"23503", "23505"}
# 25006: the server has become a standby.
DOWN = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006", "25006", "58030"}
FULL = {"53100"}
NO_ROOM = "A disk of the service is full"

BY_STATUS: dict[int, type[errors.Problem]] = {
    400: errors.MalformedRequest,
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
}


async def _problem(_: Request, error: errors.Problem) -> Response:
    return error.response()


async def _http(_: Request, error: HTTPException) -> Response:
    if _is_full(error.__cause__):  # FastAPI reports a disk error as a 400
        return errors.Unavailable(NO_ROOM).response()
    cls = BY_STATUS.get(error.status_code, errors.Problem)
    response = cls().response()
    response.headers.update(error.headers or {})
    return response


async def _validation(_: Request, error: RequestValidationError) -> Response:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return errors.MalformedRequest("The request body is not valid JSON").response()
    # FastAPI names what is wrong with a dependency once for each that needs it.
    distinct = {(fault["loc"], fault["type"], fault["msg"]): fault for fault in faults}
    named = [*distinct.values()][: errors.MOST_FAULTS]
    first = [_fault(fault["loc"], fault) for fault in named]
    return errors.Invalid.faults(first, len(distinct)).response()


def _fault(location: tuple[str | int, ...], fault: Mapping[str, Any]) -> errors.FieldFault:
    # Without the input, which may be a password.
    field = ".".join(str(part)[:100] for part in location[1:]) or str(location[0])
    code = str(fault["type"])
    return errors.FieldFault(field=field, code=code, message=_sentence(code, fault))


def _sentence(code: str, fault: Mapping[str, Any]) -> str:
    """Return a message for users; Pydantic's address programmers."""
    limits: Mapping[str, Any] = fault.get("ctx") or {}
    shortest, longest = limits.get("min_length"), limits.get("max_length")
    # So Pydantic names text that a validator made.
    is_text = code.startswith("string_") or limits.get("field_type") == "Value"
    match code:
        case "too_short" | "string_too_short" if shortest == 1:
            return "Must not be empty"
        case "too_short" | "string_too_short" if is_text:
            return f"Must have at least {shortest} characters"
        case "too_long" | "string_too_long" if is_text:
            return f"Must have at most {longest} characters"
        case "uuid_parsing":
            return "Must be a UUID"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:]


async def _database(_: Request, error: DBAPIError) -> Response:
    # asyncpg's error is `orig` or its cause.
    problem = _problem_of(error.orig) or _problem_of(error.orig and error.orig.__cause__)
    if problem is None and error.connection_invalidated:
        problem = errors.Unavailable("The database is not available: try again")
    if problem is None:
        raise error
    return problem.response()


async def _driver(_: Request, error: Exception) -> Response:
    """Handle errors that SQLAlchemy does not wrap."""
    problem = _problem_of(error)
    if problem is None:
        raise error
    return problem.response()


def _problem_of(error: BaseException | None) -> errors.Problem | None:
    """Return the problem, or None if the error is a fault of the service."""
    state = getattr(error, "sqlstate", None)
    if state in BUSY:
        return errors.Unavailable("The database is busy: try again")
    if state in FULL:
        return errors.Unavailable("The disk of the database is full")
    if state in RACED:
        return errors.Conflict("Something this request refers to has changed: try again")
    if state in DOWN or "connection is closed" in str(error):
        return errors.Unavailable("The database is not available: try again")
    if is_stale_statement(error):
        return errors.Unavailable("The database schema has just changed: try again")
    return None


async def _replay(_: Request, way_out: RepeatedRequest) -> Response:
    return way_out.response


async def _pool(_: Request, __: PoolTimeout) -> Response:
    return errors.Unavailable("Too many requests are waiting: try again").response()


async def _disk(_: Request, error: OSError) -> Response:
    if not _is_full(error):
        raise error
    return errors.Unavailable(NO_ROOM).response()


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


async def _no_connection(_: Request, __: OSError) -> Response:
    return errors.Unavailable("The database is not available: try again").response()


def install(app: FastAPI) -> None:
    handlers: dict[type[Exception], Callable[..., Awaitable[Response]]] = {
        errors.Problem: _problem,
        RepeatedRequest: _replay,
        HTTPException: _http,
        RequestValidationError: _validation,
        DBAPIError: _database,
        **dict.fromkeys(DRIVER_ERRORS, _driver),
        PoolTimeout: _pool,
        ConnectionError: _no_connection,
        TimeoutError: _no_connection,
        OSError: _disk,
    }
    for cls, handler in handlers.items():
        app.add_exception_handler(cls, handler)
