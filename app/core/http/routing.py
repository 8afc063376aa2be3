"""The route class of the API."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from itertools import islice
from typing import Any, ClassVar
from uuid import UUID

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import File, Form
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from app.core.errors import (
    FieldFault,
    Invalid,
    MalformedRequest,
    Problem,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    merge_problems,
)
from app.core.http.etags import (
    ETAG,
    NOT_MODIFIED,
    Revalidated,
    as_known,
    tag_answer,
    tagged_model,
)
from app.core.http.idempotency import RepeatedRequest
from app.core.http.responses import Responses, tag_of
from app.core.http.transport import UrlTooLong
from app.core.request_context import note_subject

JSON = ("application/json",)
FORM = ("application/x-www-form-urlencoded", "multipart/form-data")
UPLOAD = ("multipart/form-data",)
REPEATABLE = "vms.repeatable"
# Several times as many as any form has.
MOST_FIELDS, MOST_VALUES = 100, 5_000


class ApiRoute(APIRoute):
    """Refuses unknown and repeated query parameters and wrong media types.

    Gives records and `Revalidated` answers an `ETag`, and answers 304 to reads by clients that have
    them. Documents the problems in the attribute `problems` of its dependencies.
    """

    refuses_unknown: ClassVar[bool] = True
    most_values: ClassVar[int] = MOST_VALUES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self._is_revalidated() and Revalidated not in self.dependencies:
            options["dependencies"] = [*self.dependencies, Revalidated]
            super().__init__(*args, **options)
        # FastAPI makes more of a response only if it has a model, which a problem has not.
        self.responses = merge_problems(self._tagged_responses(), self._implied_problems())

    def _is_revalidated(self) -> bool:
        is_read = self.methods == {"GET"} and tagged_model(self.response_model) is not None
        return is_read or Revalidated in self.dependencies

    def _tagged_responses(self) -> Responses:
        """Return the declared responses, with the `ETag` and the 304."""
        declared: Responses = dict(self.responses)
        if tagged_model(self.response_model) is not None or self._is_revalidated():
            status = self.status_code or 200
            own = declared.get(status, {})
            declared[status] = {**own, "headers": {**own.get("headers", {}), **ETAG}}
        return declared | (NOT_MODIFIED if self._is_revalidated() else {})

    def _implied_problems(self) -> Iterator[type[Problem]]:
        for dependant in walk(self.dependant):
            yield from getattr(dependant.call, "problems", ())
        yield from (Invalid, Unavailable, UrlTooLong)
        if self.body_field:
            yield from (MalformedRequest, TooLarge, UnsupportedMediaType)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = {name for dep in walk(self.dependant) for name in query_names(dep)}
        accepted = self._media_types()
        tagged = self._tagger()

        async def checked(request: Request) -> Response:
            note_ids(request)
            if self.refuses_unknown:
                refuse_odd_query(request, known)
            refuse_other_media(request, accepted)
            if "idempotency-key" in request.headers:
                await request.body()  # cached: parsing a form would consume it
            if accepted == JSON:
                await refuse_crowded_body(request, self.most_values)
            try:
                response = tagged(await handle(request))
            except RepeatedRequest as repeat:
                tagged(repeat.response)
                raise
            if request.method == "GET":
                response = as_known(request, response)
            if repeatable := request.scope.get(REPEATABLE):
                await repeatable.keep(response)  # before the commit
            return response

        return checked

    def _tagger(self) -> Callable[[Response], Response]:
        """Return what gives the answers of this route their `ETag`."""
        kind, is_whole = tagged_model(self.response_model), self._is_revalidated()

        def tagged(response: Response) -> Response:
            if kind is not None:
                tag_answer(response, kind)
            elif is_whole and "ETag" not in response.headers and response.status_code == 200:
                response.headers["ETag"] = f'"{tag_of(bytes(response.body))}"'
            return response

        return tagged

    def _media_types(self) -> tuple[str, ...]:
        if not self.body_field:
            return ()
        if isinstance(self.body_field.field_info, File):
            return UPLOAD
        return FORM if isinstance(self.body_field.field_info, Form) else JSON


class OpenRoute(ApiRoute):
    """A route that takes any query parameters, since others write its address."""

    refuses_unknown = False


def note_ids(request: Request) -> None:
    """Add the ids in the path to the log."""
    for name, value in request.path_params.items():
        if isinstance(value, UUID):
            note_subject(**{name: value})


def walk(dependant: Dependant) -> Iterator[Dependant]:
    """Yield a dependant and all its dependencies."""
    yield dependant
    for child in dependant.dependencies:
        yield from walk(child)


def query_names(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the query parameters, including fields of a model."""
    for param in dependant.query_params:
        annotation = param.field_info.annotation
        fields = getattr(annotation, "model_fields", None)
        if fields is None:
            yield param.alias
        else:
            yield from (field.alias or name for name, field in fields.items())


def refuse_odd_query(request: Request, known: set[str]) -> None:
    """Raise `Invalid` for unknown and repeated parameters, which FastAPI ignores."""
    given = request.query_params
    if not given:
        return
    unknown = given.keys() - known
    faults = [
        *(_odd(name, "unknown_parameter", "Unknown parameter") for name in islice(unknown, 20)),
        *(
            _odd(name, "repeated_parameter", "Must not be repeated")
            for name, times in Counter(name for name, _ in given.multi_items()).items()
            if times > 1 and name in known
        ),
    ]
    if faults:
        raise Invalid.faults(sorted(faults[:20], key=lambda fault: fault.field))


def _odd(name: str, code: str, message: str) -> FieldFault:
    return FieldFault(field=name[:100], code=code, message=message)


def _has_no_body(request: Request) -> bool:
    # RFC 9112, section 6.3.
    headers = request.headers
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers


def refuse_other_media(request: Request, accepted: tuple[str, ...]) -> None:
    if not accepted or _has_no_body(request):
        return
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in accepted:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(accepted)}")


async def refuse_crowded_body(request: Request, most_values: int) -> None:
    """Raise `Invalid` for a JSON body with too many fields, which Pydantic is slow to describe."""
    try:
        body = await request.json()  # cached
    except (ValueError, RecursionError, ClientDisconnect):
        return  # answered by FastAPI
    number, left = 0, [body]
    while left:
        value = left.pop()
        if not isinstance(value, dict | list):
            continue
        number += len(value)
        if number > most_values or (isinstance(value, dict) and len(value) > MOST_FIELDS):
            raise Invalid.field("body", "too_many_fields", "Too many fields")
        left.extend(value.values() if isinstance(value, dict) else value)
