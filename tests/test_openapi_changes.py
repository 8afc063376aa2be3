"""Changes that would break a client are reported, others are not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.api_changes import Released, breaks
from tools.write_permissions import documented_app

Json = dict[str, Any]
BEFORE = documented_app().openapi()
VISITOR = "POST /api/visitors/"


def _schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def _drop_operation(document: Json) -> None:
    del document["paths"]["/api/visitors/hosts/"]


def _rename_operation(document: Json) -> None:
    document["paths"]["/api/visitors/hosts/"]["get"]["operationId"] = "hosts_list"


def _drop_field(document: Json) -> None:
    del _schema(document, "Host")["properties"]["name"]


def _leave_out_field(document: Json) -> None:
    _schema(document, "Host")["required"].remove("name")


def _null_field(document: Json) -> None:
    _schema(document, "Host")["properties"]["name"] = {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


def _require_field(document: Json) -> None:
    _schema(document, "Reschedule")["required"].append("reason")


def _refuse_value(document: Json) -> None:
    _schema(document, "DeviceKind")["enum"].remove("kiosk")


def _new_value(document: Json) -> None:
    _schema(document, "VisitorStatus")["enum"].append("lost")


def _other_type(document: Json) -> None:
    _schema(document, "Slot")["properties"]["capacity"] = {"type": "string"}


def _require_parameter(document: Json) -> None:
    (found,) = (
        p for p in document["paths"]["/api/visitors/"]["get"]["parameters"] if p["name"] == "site"
    )
    found["required"] = True


def _drop_form(document: Json) -> None:
    body = document["paths"]["/api/visitors/"]["post"]["requestBody"]["content"]
    body["application/json"]["schema"]["anyOf"].pop()


def _drop_answer(document: Json) -> None:
    del document["paths"]["/api/visitors/bulk-upload/"]["post"]["responses"]["200"]


BREAKS: list[tuple[Callable[[Json], None], str]] = [
    (_drop_operation, "GET /api/visitors/hosts/ is gone"),
    (_rename_operation, "GET /api/visitors/hosts/: its name was visitors_hosts and is hosts_list"),
    (_drop_field, "GET /api/visitors/hosts/: answer 200[].name is gone"),
    (_leave_out_field, "GET /api/visitors/hosts/: answer 200[].name may be missing"),
    (_null_field, "GET /api/visitors/hosts/: answer 200[].name may be null"),
    (_require_field, "POST /api/visitors/{visitor_id}/reschedule/: body.reason is required"),
    (_refuse_value, "POST /api/devices/: body.kind can no longer be kiosk"),
    (_new_value, f"{VISITOR}: answer 201.status may be lost"),
    (
        _other_type,
        "GET /api/visitors/available-slots/: answer 200.slots[].capacity was integer and is string",
    ),
    (_require_parameter, "GET /api/visitors/: the parameter site is required"),
    (_drop_form, f"{VISITOR}: body can no longer be WalkIn"),
    (_drop_answer, "POST /api/visitors/bulk-upload/: the answer 200 is gone"),
]


def _changed(change: Callable[[Json], None]) -> Json:
    document = copy.deepcopy(BEFORE)
    change(document)
    return document


@pytest.mark.parametrize(("change", "found"), BREAKS)
def test_a_change_that_breaks_clients_is_named(change: Callable[[Json], None], found: str):
    assert found in list(breaks(BEFORE, _changed(change)))


def _more(document: Json) -> None:
    """Add an operation, an optional field to send, a field of an answer, a code of a problem."""
    document["paths"]["/api/more/"] = document["paths"]["/api/visitors/hosts/"]
    _schema(document, "Reschedule")["properties"]["reason"] = {"type": "string"}
    _schema(document, "Host")["properties"]["room"] = {"type": "string"}
    answers = document["paths"]["/api/visitors/"]["post"]["responses"]
    problems = answers["409"]["content"]["application/problem+json"]["schema"]["oneOf"]
    problems.append({"$ref": "#/components/schemas/NameTakenProblem"})


def test_what_is_added_breaks_nothing():
    assert list(breaks(BEFORE, _changed(_more))) == []


def test_without_a_document_before_nothing_is_broken():
    assert list(breaks({}, BEFORE)) == []


@pytest.mark.parametrize(
    ("tag", "version", "promises"),
    [(None, "1.4.0", False), ("v1.3.0", "1.4.0", True), ("v1.3.0", "2.0.0", False)],
)
def test_a_release_is_a_promise_until_its_major_version_ends(
    tag: str | None, version: str, promises: bool
):
    before = Released({"info": {"version": "1.3.0"}}, tag)
    assert before.promises({"info": {"version": version}}) is promises
