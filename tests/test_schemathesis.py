"""Requests generated from the OpenAPI document get no 5xx and no undocumented response."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.api import Api
from tests.support.serving import served
from tests.support.things import one_of_each
from tools.write_permissions import documented_app


def _operations(document: dict[str, Any]) -> dict[str, Any]:
    """Return every operation by its name, without credentials, which would be generated too."""
    document = deepcopy(document)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    found = schemathesis.openapi.from_dict(document).get_all_operations()
    # Unreadable parts of the document fail here.
    return {operation.label: operation for operation in (cast("Any", one).ok() for one in found)}


OPERATIONS = _operations(documented_app().openapi())
Request = Case[Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ASKING = {name for name, operation in OPERATIONS.items() if operation.query or operation.body}
# An operation without input has no invalid requests, nor one that takes any bytes or text.
TAKES_ANY = {"PUT /api/sites/{site_id}/logo/", "GET /muster/{link}/roster/"}
# A stream that is opened has no end.
ENDLESS = {"GET /api/events/stream/"}
ENDING = [name for name in OPERATIONS if name not in ENDLESS]
TAKING = [
    n
    for n, operation in OPERATIONS.items()
    if n not in TAKES_ANY | ENDLESS and (n in ASKING or operation.path_parameters)
]
BEFORE_ROUTING = {431}  # of headers: test_transport
SECONDS = 20  # for one response, on a slow machine


@pytest.fixture(scope="module")
async def url(running_app: FastAPI) -> AsyncIterator[str]:
    async with served(running_app) as address:
        yield address


@pytest.mark.parametrize("name", ENDING)
async def test_what_a_superadmin_is_answered_is_documented(api: Api, url: str, name: str):
    root = await api.superadmin()
    there = await one_of_each(root)
    cases = _cases(OPERATIONS[name], GenerationMode.POSITIVE, there)
    await _explore(url, cases, root.headers, examples=5)


@pytest.mark.parametrize("name", TAKING)
async def test_what_bad_input_is_answered_is_documented(api: Api, url: str, name: str):
    root = await api.superadmin()
    there = await one_of_each(root) if name in ASKING else {}
    cases = _cases(OPERATIONS[name], GenerationMode.NEGATIVE, there)
    await _explore(url, cases, root.headers, examples=5)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_a_stranger_is_answered_is_documented(url: str, name: str):
    await _explore(url, _cases(OPERATIONS[name], GenerationMode.POSITIVE, {}), {}, examples=2)


@pytest.mark.usefixtures("app")
async def test_an_answer_that_is_not_documented_is_found(url: str):
    document = deepcopy(documented_app().openapi())
    document["paths"]["/health/live/"]["get"]["responses"] = {"204": {"description": "Nothing"}}
    cases = _cases(_operations(document)["GET /health/live/"], GenerationMode.POSITIVE, {})
    with pytest.raises(FailureGroup, match="distinct failure"):
        await _explore(url, cases, {}, examples=1)


def _cases(
    operation: Any, mode: GenerationMode, there: Mapping[str, str]
) -> SearchStrategy[Request]:
    """Return requests for an operation; ids in their path name what is `there`."""
    names = [parameter.name for parameter in operation.path_parameters]
    known = {name: there[name] for name in names if name in there}
    cases: SearchStrategy[Request] = operation.as_strategy(mode, path_parameters=known or None)
    return cases


async def _explore(
    url: str, cases: SearchStrategy[Request], headers: Mapping[str, str], *, examples: int
) -> None:
    """Send some of the cases. It waits for answers, and so it has a thread of its own."""
    await asyncio.to_thread(_send, url, cases, headers, examples)


def _send(
    url: str, cases: SearchStrategy[Request], headers: Mapping[str, str], examples: int
) -> None:
    # The same requests in every run, without minimising, since failures are short.
    bounded = settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @bounded
    @given(cases)
    def ask(case: Request) -> None:
        answer = case.call(url, headers=dict(headers), timeout=SECONDS)
        if answer.status_code not in BEFORE_ROUTING:
            case.validate_response(answer, checks=CHECKS)

    ask()
