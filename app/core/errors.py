"""Exception classes that render as problem documents (RFC 9457)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from app.core.observability.metrics import PROBLEMS
from app.core.request_context import current_request_id

MEDIA_TYPE = "application/problem+json"
# The key in `responses` that `app/api_docs/` replaces with schemas and examples.
DECLARED_PROBLEMS = "x-problems"
DECLARED: dict[str, type["Problem"]] = {}
# The maximum number of faults in one answer.
MOST_FAULTS = 50


class FieldFault(BaseModel):
    field: str = Field(examples=["email"])
    code: str = Field(examples=["missing"])
    message: str = Field(examples=["Field required"])


class NoMembers(BaseModel):
    """No additional members."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """The base class of all errors that clients see.

    `members` are added to the document; `Members` is their schema.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "An unexpected error occurred"
    Members: ClassVar[type[BaseModel]] = NoMembers

    def __init_subclass__(cls) -> None:
        PROBLEMS.labels(cls.code)  # exported as 0 before the first, so that rates include it

    def __init__(
        self, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.members = members

    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:vms:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": current_request_id(),
            **self.members,
        }

    def response(self) -> JSONResponse:
        PROBLEMS.labels(self.code).inc()
        return JSONResponse(
            self.document(), status_code=self.status, media_type=MEDIA_TYPE, headers=self.headers
        )


class MalformedRequest(Problem):
    status, code, title = 400, "malformed_request", "The request could not be read"


class InvalidCursor(Problem):
    status, code, title = 400, "invalid_cursor", "The cursor does not belong to this list"


class NotAuthenticated(Problem):
    status, code, title = 401, "not_authenticated", "Authentication is required"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **members)


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "You do not have permission to do this"


class BeyondYourRights(Problem):
    status, code, title = 403, "beyond_your_rights", "This is beyond your own rights"


class NotFound(Problem):
    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This method is not allowed for this URL"


class NotAcceptable(Problem):
    status, code, title = 406, "not_acceptable", "The requested format is not available"


class InUse(Problem):
    status, code, title = 409, "in_use", "The resource is in use and cannot be deleted"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The request conflicts with the current data"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The request is too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The media type is not supported"


class Invalid(Problem):
    """422: some fields are invalid; `errors` lists at most `MOST_FAULTS` of them."""

    status, code, title = 422, "invalid", "Some fields are invalid"

    class Members(BaseModel):
        errors: list[FieldFault]

    @classmethod
    def field(cls, field: str, code: str, message: str) -> "Invalid":
        return cls(message, errors=[{"field": field, "code": code, "message": message}])

    @classmethod
    def faults(cls, faults: Sequence[FieldFault], number: int = 0) -> "Invalid":
        """Return the error; `number` is the total if `faults` has only the first."""
        detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:3])
        if number > len(faults):
            detail += f"; {number} faults, of which the first {len(faults)} are named"
        return cls(detail, errors=[fault.model_dump() for fault in faults])


class UnknownReference(Invalid):
    """422: a field refers to something that does not exist."""

    refers_in: ClassVar[str]
    message: ClassVar[str]

    def __init__(self) -> None:
        fault = {"field": self.refers_in, "code": "unknown", "message": self.message}
        super().__init__(self.message, errors=[fault])


class FieldProblem(Invalid):
    """A 422 with a code of its own, since one field is at fault."""

    faulty: ClassVar[str]

    def __init__(self) -> None:
        fault = {"field": self.faulty, "code": self.code, "message": self.title}
        super().__init__(self.title, errors=[fault])


class SiteRequired(FieldProblem):
    code, title, faulty = "site_required", "Name one of your sites", "site"


class Unavailable(Problem):
    """503 with `Retry-After`: a dependency is down or busy."""

    status, code, title = 503, "unavailable", "The service is temporarily unavailable"

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "2"}, **members)


class VisitRefusal(Problem):
    """A refusal of a visit, which the desk may override if `overridable`."""

    status = 409
    overridable: ClassVar[bool] = False

    class Members(BaseModel):
        overridable: bool = Field(description="Whether the desk may override this refusal")
        refusals: list[str] | None = Field(
            None,
            description="At the desk: the codes of all refusals that hold, in the order of "
            "decision",
            examples=[["wrong_day", "slot_full"]],
        )
        by: str | None = Field(
            None,
            description="At the desk: who let the visitor in or out, cancelled, or ended the visit",
            examples=["Front Desk"],
        )

    def document(self) -> dict[str, Any]:
        return super().document() | {"overridable": self.overridable}


def problems(*classes: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of these problems."""
    by_status: dict[int, list[type[Problem]]] = defaultdict(list)
    for cls in dict.fromkeys(classes):
        by_status[cls.status].append(cls)
    return {status: _response(by_status[status]) for status in sorted(by_status)}


def merge_problems(
    one: Mapping[int | str, dict[str, Any]], other: Iterable[type[Problem]]
) -> dict[int | str, dict[str, Any]]:
    """Return `responses` with further problems."""
    names = [name for entry in one.values() for name in entry.get(DECLARED_PROBLEMS, ())]
    merged = problems(*(DECLARED[name] for name in names), *other)
    return dict(one) | {status: {**one.get(status, {}), **merged[status]} for status in merged}


def _response(classes: Sequence[type[Problem]]) -> dict[str, Any]:
    DECLARED.update({cls.__name__: cls for cls in classes})
    return {
        DECLARED_PROBLEMS: [cls.__name__ for cls in classes],
        "description": " · ".join(f"`{cls.code}`: {cls.title}" for cls in classes),
    }
