"""Conditional requests: `ETag`, `If-None-Match` and `If-Match` (RFC 9110, section 13)."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, get_args
from uuid import UUID

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.core.db.database import ReadSession
from app.core.db.models import Entity
from app.core.errors import Problem
from app.core.http.responses import Responses, is_named, tag_of

ETAG = {
    "ETag": {
        "description": "Changes with what this caller is shown; for `If-None-Match` and `If-Match`",
        "schema": {"type": "string"},
    }
}
NOT_MODIFIED: Responses = {304: {"description": "The client has this answer", "headers": ETAG}}
RECORD = b'{"id":'


class ChangedMeanwhile(Problem):
    """412: the record is no longer as the tag in `If-Match` says."""

    status, code, title = 412, "changed_meanwhile", "The record has changed: read it again"


class Tagged:
    """A record, all answers with which have an `ETag`.

    `outside_tag` are its fields that the tag does not cover; `tagged_part` is the field of the
    record in a larger answer.
    """

    outside_tag: ClassVar[frozenset[str]] = frozenset()
    tagged_part: ClassVar[str | None] = None

    @classmethod
    def tag_of(cls, answer: bytes) -> str:
        """Return the tag of an answer as JSON, without quotes."""
        if not cls.outside_tag and cls.tagged_part is None:
            return tag_of(answer)
        said = json.loads(answer)
        if cls.tagged_part is not None:
            said = said[cls.tagged_part]
        covered = {name: value for name, value in said.items() if name not in cls.outside_tag}
        # As Pydantic writes it.
        return tag_of(json.dumps(covered, ensure_ascii=False, separators=(",", ":")).encode())


def tagged_model(answer: Any) -> type[Tagged] | None:
    """Return the record of a response model, which may be one of several."""
    return next((part for part in _parts(answer) if issubclass(part, Tagged)), None)


def _parts(answer: Any) -> Iterator[type[Any]]:
    for part in get_args(answer) or (answer,):
        if isinstance(part, type):
            yield part


def tag_answer(response: Response, kind: type[Tagged]) -> None:
    """Give a successful answer its `ETag`, unless it has no record, such as that of a dry run."""
    body = bytes(response.body)
    starts_as_record = body.startswith(RECORD) or kind.tagged_part is not None
    if response.status_code < 300 and starts_as_record:
        response.headers["ETag"] = f'"{kind.tag_of(body)}"'


def as_known(request: Request, response: Response) -> Response:
    """Return a 304 instead of a tagged answer that the client has."""
    tag = response.headers.get("ETag")
    given = request.headers.getlist("if-none-match")
    if tag is None or not given or not is_named(given, tag.strip('"')):
        return response
    described = {"content-length", "content-type"}
    kept = {name: value for name, value in response.headers.items() if name not in described}
    return Response(status_code=304, headers=kept)


async def _if_none_match(
    _: Annotated[
        str | None, Header(alias="If-None-Match", description="The `ETag` that the client has")
    ] = None,
) -> None:
    """Declare the header, which `ApiRoute` reads."""


Revalidated = Depends(_if_none_match)
"""Answers 304 to clients that have the answer; a read of a record has it by its model."""

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="Only if the record still has this `ETag`: otherwise 412 `changed_meanwhile`",
    ),
]
Read = Callable[[ReadSession], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Condition:
    """The `If-Match` of a request; `read` returns the record as the caller sees it."""

    model: type[Entity]
    id: UUID
    given: list[str]
    read: Read

    def concerns(self, entity: object) -> bool:
        return isinstance(entity, self.model) and entity.id == self.id

    async def refusal(self, session: ReadSession) -> Problem | None:
        """Return the refusal unless the record, whose row is locked, has one of the tags."""
        record = await self.read(session)
        if not isinstance(record, Tagged):
            raise TypeError("only what is tagged has a condition")
        tag = record.tag_of(record.model_dump_json().encode())
        return None if is_named(self.given, tag) else ChangedMeanwhile()
