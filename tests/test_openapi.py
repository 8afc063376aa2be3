"""The OpenAPI document is valid, complete and true."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from app import __version__
from app.api_docs.operations import operations
from app.core.errors import MEDIA_TYPE, Problem
from app.events.kinds import EventType
from app.users.roles import DEVICES, PEOPLE
from app.webhooks.models import TEST_TYPE
from tools.write_permissions import documented_app

Json = dict[str, Any]
APP = documented_app()
DOCUMENT = APP.openapi()
# Texts that FastAPI or Pydantic did not generate.
OPERATION_ID = re.compile(r"[a-z]+(_[a-z]+){1,3}")
COMPONENT = re.compile(r"(?!.*(In|Out)$)([A-Z][a-z]*)+|SignIn|WalkIn")


def described() -> Iterator[tuple[str, Json]]:
    """Yield every operation with the name by which tests report it."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = dict(described())


def resolved(node: Json) -> Json:
    """Return what a reference means."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    found: Json = DOCUMENT["components"][kind][name]
    return found


def bodies(operation: Json) -> Iterator[tuple[str, Json]]:
    """Yield media type and definition of every JSON response."""
    for answer in operation["responses"].values():
        for media_type, body in resolved(answer).get("content", {}).items():
            if media_type.endswith("json"):
                yield media_type, body


def faults(schema: Json, value: Any) -> list[str]:
    """Return why a value does not match a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_valid():
    validate(DOCUMENT)


def test_it_says_whose_it_is():
    info = DOCUMENT["info"]
    assert info["version"] == __version__
    assert info["contact"]["name"]
    assert DOCUMENT["servers"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_a_name_and_words_of_its_own(name: str):
    operation = OPERATIONS[name]
    assert OPERATION_ID.fullmatch(operation["operationId"])
    assert operation["summary"].strip(".") == operation["summary"]
    assert operation["description"].rstrip().endswith((".", ":", "`"))
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}


def test_no_name_and_no_summary_stands_twice():
    for word in ("operationId", "summary"):
        words = [operation[word] for operation in OPERATIONS.values()]
        assert len(words) == len(set(words))


def test_every_tag_is_described_and_used():
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_component_is_called_by_a_word_of_the_field(name: str):
    assert COMPONENT.fullmatch(name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_refusal_is_a_problem_with_its_code(name: str):
    for status, answer in OPERATIONS[name]["responses"].items():
        if status < "400":
            continue
        content = resolved(answer)["content"][MEDIA_TYPE]
        for form in content["schema"].get("oneOf", [content["schema"]]):
            general, own = resolved(form)["allOf"]
            assert general == {"$ref": "#/components/schemas/Problem"}
            code = own["properties"]["code"]["const"]
            assert resolved(content["examples"][code])["value"]["status"] == int(status)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_of_an_answer_fits_its_schema(name: str):
    for media_type, body in bodies(OPERATIONS[name]):
        assert body["examples"], media_type
        for example in body["examples"].values():
            assert faults(body["schema"], resolved(example)["value"]) == []


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_an_example_of_a_component_fits_it(name: str):
    schema = DOCUMENT["components"]["schemas"][name]
    for example in schema.get("examples", ()):
        assert faults(schema, example) == []


def test_every_message_of_a_webhook_is_described():
    types = {*map(str, EventType), TEST_TYPE}
    assert {path["post"]["summary"] for path in DOCUMENT["webhooks"].values()} == types
    for path in DOCUMENT["webhooks"].values():
        body = path["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"] == {"$ref": "#/components/schemas/EventMessage"}
        for example in body["examples"].values():
            assert faults(body["schema"], resolved(example)["value"]) == []


def test_an_example_that_does_not_fit_is_found():
    reference = {"$ref": "#/components/schemas/Host"}
    assert faults(reference, {"id": "no UUID", "name": "Ada", "email": None}) != []
    assert faults(reference, {"name": "Ada"}) != []


def test_who_may_call_is_what_the_guards_say():
    """Compared with the guards themselves, so that no second list is needed."""
    people, devices = PEOPLE, DEVICES
    for operation in operations(APP):
        if str(operation) not in OPERATIONS:  # a page
            continue
        names = {name for way in OPERATIONS[str(operation)]["security"] for name in way}
        expected = (
            set() if operation.is_public else {r for r in people | devices if operation.allows(r)}
        )
        assert ({"bearer", "oauth2"} <= names) is bool(expected & people)
        assert ("device" in names) is bool(expected & devices)


def test_a_credential_that_an_operation_takes_is_defined():
    named = {name for one in OPERATIONS.values() for way in one["security"] for name in way}
    assert named == set(DOCUMENT["components"]["securitySchemes"])


PERSON: list[Json] = [{"bearer": []}, {"oauth2": []}]


@pytest.mark.parametrize(
    ("name", "security"),
    [
        ("POST /api/auth/login/", []),
        ("GET /api/visitors/", [*PERSON, {"apiKey": ["visitors:read"]}]),
        ("POST /api/visitors/verify-qr/", [*PERSON, {"device": []}, {"apiKey": ["gate:scan"]}]),
        ("POST /api/visitors/", [*PERSON, {"device": []}, {"apiKey": ["visitors:write"]}, {}]),
        ("POST /api/devices/heartbeat/", [{"device": []}]),
    ],
)
def test_an_operation_says_which_credential_it_takes(name: str, security: list[Json]):
    assert OPERATIONS[name]["security"] == security


def test_a_parameter_is_left_out_and_not_null():
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", ()):
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ())


def test_an_upload_refused_may_come_back_as_a_workbook():
    content = OPERATIONS["POST /api/visitors/bulk-upload/"]["responses"]["422"]["content"]
    assert {media_type.rpartition(".")[2] for media_type in content} == {
        "application/problem+json",
        "sheet",
    }


def test_an_unauthenticated_caller_gets_a_challenge():
    refusals = [cls for cls in _all(Problem) if cls.status == 401]
    assert refusals
    for cls in refusals:
        assert cls().response().headers["WWW-Authenticate"] == "Bearer", cls


def test_every_code_has_one_status():
    by_code: dict[str, set[int]] = {}
    for cls in _all(Problem):
        by_code.setdefault(cls.code, set()).add(cls.status)
    assert {code: statuses for code, statuses in by_code.items() if len(statuses) > 1} == {}


def _all(base: type[Problem]) -> Iterator[type[Problem]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _all(cls)
