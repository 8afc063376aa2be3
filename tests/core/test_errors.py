"""Errors as classes."""

from typing import Any

import asyncpg
import pytest
from fastapi import Request
from sqlalchemy.exc import DBAPIError

from app.auth.errors import TokenReused
from app.core import errors
from app.core.http import error_handlers
from app.slots.errors import SlotFull
from tests.support.api import VISITOR, Api


def test_a_problem_says_what_rfc_9457_asks_for():
    document = SlotFull("All taken", alternatives=[]).document()
    assert document.items() >= {"status": 409, "code": "slot_full", "detail": "All taken"}.items()
    assert document["type"] == "urn:vms:problem:slot_full"
    assert document["alternatives"] == []
    assert document["request_id"]


def test_a_problem_without_detail_says_its_title():
    assert errors.NotFound().document()["detail"] == errors.NotFound.title


def test_who_is_not_signed_in_is_told_how():
    for cls in (errors.NotAuthenticated, TokenReused):
        assert cls().response().headers["WWW-Authenticate"] == "Bearer"


def test_an_unavailable_service_says_how_long_to_wait():
    assert int(errors.Unavailable().response().headers["Retry-After"]) > 0


def test_declared_problems_are_named_under_their_status():
    declared = errors.problems(SlotFull, errors.InUse, errors.NotFound)
    assert list(declared) == [404, 409]
    assert declared[409][errors.DECLARED_PROBLEMS] == ["SlotFull", "InUse"]
    assert "`slot_full`" in declared[409]["description"]


def test_problems_of_a_dependency_join_those_of_the_route():
    merged = errors.merge_problems(errors.problems(SlotFull), [errors.InUse, SlotFull])
    assert merged[409][errors.DECLARED_PROBLEMS] == ["SlotFull", "InUse"]


def test_problems_leave_the_other_content_of_their_status():
    declared: dict[int | str, dict[str, Any]] = {409: {"content": {"text/csv": {}}}}
    merged = errors.merge_problems(declared, [errors.InUse])
    assert merged[409]["content"] == {"text/csv": {}}
    assert merged[409][errors.DECLARED_PROBLEMS] == ["InUse"]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "Must not be empty"),
        ("name", "x" * 201, "Must have at most 200 characters"),
        ("email", "x", "Must have at least 3 characters"),
        ("site", "", "Must be a UUID"),
        ("company", "a\0b", "Must not contain control characters"),
    ],
)
async def test_a_fault_reads_well_beside_its_field(api: Api, field: str, value: str, says: str):
    answer = await (await api.admin()).post("visitors/", VISITOR | {field: value})
    [fault] = answer.json()["errors"]
    assert (fault["field"], fault["message"]) == (field, says)


async def test_the_form_of_a_walk_in_names_each_fault_once(api: Api):
    override = {"codes": ["slot_full"], "reason": "no"}
    answer = await (await api.admin()).post("visitors/walk-in/", {"name": "", "override": override})
    said = [(fault["field"], fault["message"]) for fault in answer.json()["errors"]]
    assert said == [
        ("name", "Must not be empty"),
        ("override.reason", "Must have at least 3 characters"),
    ]


async def test_a_lost_connection_is_a_503_whatever_the_socket_says():
    lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    lost.__cause__ = ConnectionResetError()
    answer = await error_handlers._database(Request({"type": "http"}), DBAPIError(None, None, lost))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
