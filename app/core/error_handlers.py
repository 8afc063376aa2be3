"""Turns whatever a route raises into a problem document."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.core import errors
from app.core.idempotency import Replay

# SQLSTATE classes and codes that a later try may not meet again (PostgreSQL appendix A).
BUSY = {"40001", "40P01", "55P03", "57014", "53100", "53200", "53300"}
# A row that was there when it was looked up, or was not, and what a foreign key or a unique index
# says of it at the end.
RACED = {"23503", "23505"}
DOWN = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006"}

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
    cls = BY_STATUS.get(error.status_code, errors.Problem)
    response = cls().response()
    response.headers.update(error.headers or {})
    return response


async def _validation(_: Request, error: RequestValidationError) -> Response:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return errors.MalformedRequest("The body is not valid JSON").response()
    return errors.Invalid.faults([_fault(fault["loc"], fault) for fault in faults]).response()


def _fault(location: tuple[str | int, ...], fault: dict[str, object]) -> errors.FieldFault:
    # The input is left out on purpose: it may be a password.
    field = ".".join(str(part) for part in location[1:]) or str(location[0])
    message = str(fault["msg"]).removeprefix("Value error, ")
    return errors.FieldFault(field=field, code=str(fault["type"]), message=message)


async def _database(_: Request, error: DBAPIError) -> Response:
    state = getattr(error.orig, "sqlstate", None)
    if state in BUSY:
        return errors.Unavailable("The database is busy: try again").response()
    if state in RACED:
        return errors.Conflict(
            "Something that it names was changed meanwhile: try again"
        ).response()
    if state in DOWN or error.connection_invalidated:
        return errors.Unavailable("The database is not available: try again").response()
    raise error


async def _replay(_: Request, way_out: Replay) -> Response:
    return way_out.response


async def _pool(_: Request, __: PoolTimeout) -> Response:
    return errors.Unavailable("Too many requests are waiting: try again").response()


async def _no_connection(_: Request, __: OSError) -> Response:
    return errors.Unavailable("The database is not available: try again").response()


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem document."""
    handlers: dict[type[Exception], Callable[..., Awaitable[Response]]] = {
        errors.Problem: _problem,
        Replay: _replay,
        HTTPException: _http,
        RequestValidationError: _validation,
        DBAPIError: _database,
        PoolTimeout: _pool,
        ConnectionError: _no_connection,
        TimeoutError: _no_connection,
    }
    for cls, handler in handlers.items():
        app.add_exception_handler(cls, handler)
