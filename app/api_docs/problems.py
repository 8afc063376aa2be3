"""Each code has its own schema, so that generated clients know its members."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import models_json_schema

from app.api_docs.examples import REQUEST_ID, Examples
from app.core import errors

Json = dict[str, Any]
REF = "#/components/schemas/"


class Problem(BaseModel):
    """The members of every problem (RFC 9457)."""

    type: str = Field(description="`urn:vms:problem:` followed by the code")
    title: str = Field(description="A summary of the type of problem")
    status: int = Field(description="The HTTP status code")
    detail: str = Field(description="An explanation of this occurrence, for people")
    request_id: str = Field(description="Identifies the request in the log")


def describe(document: Json) -> None:
    """Replace the names of declared problems with their schemas and examples."""
    used: dict[str, type[errors.Problem]] = {}
    alone: dict[str, Json] = {}
    for answers, status in _declaring(document):
        declared = [errors.DECLARED[name] for name in answers[status].pop(errors.DECLARED_PROBLEMS)]
        content = answers[status].get("content", {}) | {errors.MEDIA_TYPE: _content(declared)}
        answers[status]["content"] = dict(sorted(content.items(), key=_is_no_json))
        used |= {cls.__name__: cls for cls in declared}
        if len(declared) == len(answers[status]["content"]) == 1:
            name = declared[0].__name__
            # Operations share it, of which only some have limits and their headers.
            shared = alone.setdefault(name, answers[status])
            shared["headers"] |= answers[status]["headers"]
            answers[status] = {"$ref": f"#/components/responses/{name}"}
    components = document["components"]
    components["responses"] = alone
    components["schemas"] |= _schemas(used.values())
    examples = Examples(components["schemas"])
    components["examples"] = {_name(cls): _example(cls, examples) for cls in used.values()}


def _declaring(document: Json) -> Iterator[tuple[Json, str]]:
    """Yield the responses of each operation with each status that has problems."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if errors.DECLARED_PROBLEMS in answer:
                    yield operation["responses"], status


def _is_no_json(content: tuple[str, Json]) -> bool:
    """Return whether a media type is not JSON; some client generators read only the first."""
    return not content[0].endswith("json")


def _content(declared: Sequence[type[errors.Problem]]) -> Json:
    refs = [{"$ref": REF + _name(cls)} for cls in declared]
    return {
        "schema": refs[0] if len(refs) == 1 else {"oneOf": refs},
        "examples": {cls.code: {"$ref": f"#/components/examples/{_name(cls)}"} for cls in declared},
    }


def _name(cls: type[errors.Problem]) -> str:
    return f"{cls.__name__}Problem"


def _schemas(used: Iterable[type[errors.Problem]]) -> Json:
    models: list[type[BaseModel]] = [Problem, *(_model(cls) for cls in used)]
    _, made = models_json_schema(
        [(model, "serialization") for model in models], ref_template=REF + "{model}"
    )
    found: Json = made["$defs"]
    for cls in used:
        found[_name(cls)] = _of_every_problem(cls, found[_name(cls)])
    return found


def _model(cls: type[errors.Problem]) -> type[BaseModel]:
    code: Any = Literal[cls.code]
    return create_model(_name(cls), __base__=cls.Members, code=(code, ...))


def _of_every_problem(cls: type[errors.Problem], own: Json) -> Json:
    members = {name: own[name] for name in ("type", "properties", "required")}
    return {"description": cls.title, "allOf": [{"$ref": REF + Problem.__name__}, members]}


def _example(cls: type[errors.Problem], examples: Examples) -> Json:
    common = {
        "type": f"urn:vms:problem:{cls.code}",
        "title": cls.title,
        "status": cls.status,
        "detail": cls.title,
        "code": cls.code,
        "request_id": REQUEST_ID,
    }
    if issubclass(cls, errors.VisitRefusal):
        common |= {"overridable": cls.overridable, "refusals": [cls.code]}
    _, own = examples.component(_name(cls))["allOf"]
    return {"summary": cls.title, "value": examples.of(own) | common}
