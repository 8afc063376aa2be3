"""The OpenAPI document that FastAPI generates, completed."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.api_docs import problems
from app.api_docs.dates import moved_to, next_monday
from app.api_docs.examples import Examples, with_nulls
from app.api_docs.operations import operations
from app.api_docs.samples import samples
from app.api_docs.security import SCHEMES, requirement
from app.core.http.responses import Constant
from app.core.http.services import core_services
from app.settings import Settings

Json = dict[str, Any]

PATH = "/openapi.json"
SOMEWHERE = "https://visitors.example.com"
JSON = "application/json"
DEFAULT_DESCRIPTION = "Successful Response"
# What FastAPI writes for a response without a body, and the correct schema.
UNKNOWN: Json = {JSON: {"schema": {}}}
NULL: Json = {JSON: {"schema": {"type": "null"}}}
PAGE = re.compile(r"\bPage_(\w+)_")
PASSWORD_FORM = re.compile(r"\bBody_auth_token\b")
# Keys whose values are not schemas.
VALUES = {"const", "default", "enum", "examples"}
HEADERS: Json = {
    "X-Request-ID": {
        "description": "Identifies the request in the log; the one you sent, if any",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "The authentication scheme (RFC 6750)",
        "schema": {"type": "string", "examples": ["Bearer"]},
    },
    "Retry-After": {"description": "The number of seconds to wait", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": "The limits that count this request, with quota and window in seconds "
        "(draft-ietf-httpapi-ratelimit-headers-10)",
        "schema": {"type": "string", "examples": ['"api-key";q=600;w=60']},
    },
    "RateLimit": {
        "description": "What is left of each, and the seconds until it is whole again",
        "schema": {"type": "string", "examples": ['"api-key";r=599;t=60']},
    },
    "Idempotency-Replayed": {
        "description": "`true` if this is the stored response to an earlier request with the key",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
LIMITED = ["RateLimit-Policy", "RateLimit"]
BY_STATUS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}


def install(app: FastAPI, settings: Settings) -> None:
    plain = app.openapi
    address = (settings.public_url or SOMEWHERE).rstrip("/")

    @cache
    def openapi() -> Json:
        return completed(plain(), app)

    @lru_cache(2)
    def encoded(prefix: str, monday: date) -> Constant:
        servers = [{"url": prefix}] if prefix else []
        document = moved_to(monday, openapi()) | {"servers": servers + openapi()["servers"]}
        _add_samples(document, address + prefix)
        return Constant(json.dumps(document, ensure_ascii=False, separators=(",", ":")), JSON)

    async def answer(request: Request) -> Response:
        # From the server's configuration, not from the client.
        prefix = request.scope.get("root_path", "").rstrip("/")
        monday = next_monday(core_services(request).clock.now().date())
        # In a thread: the first one takes a second or two.
        document = await asyncio.to_thread(encoded, prefix, monday)
        return await document.answer(request)

    app.openapi = openapi  # type: ignore[method-assign] # as in FastAPI's documentation
    app.add_route(PATH, answer, include_in_schema=False)


def completed(document: Json, app: FastAPI) -> Json:
    """Add security schemes, headers, problems and examples."""
    served = {(op.path, op.method.lower()): op for op in operations(app)}
    components = document["components"]
    for path, method, operation in _operations(document["paths"]):
        operation["security"] = requirement(served[path, method])
        _describe_answers(operation)
        _drop_nulls(operation, components["schemas"])
    problems.describe(document)
    components |= {"securitySchemes": SCHEMES, "headers": HEADERS}
    _tidy([document["paths"], document["webhooks"], components["schemas"]])
    for schema in components["schemas"].values():
        if "examples" in schema:
            schema["examples"] = [with_nulls(schema)]
    _add_examples(document)
    return _with_public_names(document)


def _operations(paths: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            yield path, method, operation


def _describe_answers(operation: Json) -> None:
    takes_key = any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ()))
    for status, answer in operation["responses"].items():
        if answer["description"] == DEFAULT_DESCRIPTION:
            answer["description"] = HTTPStatus(int(status)).phrase
        if answer.get("content") == UNKNOWN:
            answer["content"] = NULL
        names = ["X-Request-ID", BY_STATUS.get(status)]
        names += LIMITED if "429" in operation["responses"] else []
        names += ["Idempotency-Replayed"] if takes_key and status.startswith("2") else []
        refs = {name: {"$ref": f"#/components/headers/{name}"} for name in names if name}
        answer["headers"] = answer.get("headers", {}) | refs


def _drop_nulls(operation: Json, schemas: Json) -> None:
    """Remove null from parameters and form fields, which can only be omitted."""
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        if media_type != JSON and "$ref" in body["schema"]:
            fields = schemas[_name(body["schema"])]["properties"]
            fields |= {name: _without_null(schema) for name, schema in fields.items()}


def _without_null(schema: Json) -> Json:
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return {**schema, "anyOf": choices} if choices else schema
    return {**choices[0], **{name: schema[name] for name in schema if name != "anyOf"}}


def _tidy(node: Any) -> None:
    """Drop generated titles, and write examples as in OpenAPI 3.1."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        if "example" in node:
            node["examples"] = [node.pop("example")]
        for bound in ("minimum", "maximum"):  # FastAPI makes them fractions
            if node.get("type") == "integer" and bound in node:
                node[bound] = int(node[bound])
        node = [child for name, child in node.items() if name not in VALUES]
    if isinstance(node, list):
        for child in node:
            _tidy(child)


def _add_examples(document: Json) -> None:
    """Add an example for each form of every JSON body."""
    components = document["components"]
    examples = Examples(components["schemas"])
    for _, _, operation in _operations(document["paths"] | document["webhooks"]):
        for described in (operation.get("requestBody", {}), *operation["responses"].values()):
            body = described.get("content", {}).get(JSON)
            if body:
                body["examples"] = _examples_of(body["schema"], examples, components["examples"])


def _add_samples(document: Json, server: str) -> None:
    """Add code to each operation; only where it is served, since it doubles the document."""
    components = document["components"]
    for path, method, operation in _operations(document["paths"]):
        operation["x-codeSamples"] = samples(path, method, operation, components, server)


def _examples_of(schema: Json, examples: Examples, kept: Json) -> Json:
    found: Json = {}
    for form in schema.get("anyOf", [schema]):
        if name := _name(form):
            kept.setdefault(name, {"value": examples.of(form)})
            found[name] = {"$ref": f"#/components/examples/{name}"}
        else:
            found["example"] = {"value": examples.of(form)}
    return found


def _name(schema: Json) -> str:
    """Return the name of the referenced component, or ""."""
    reference: str = schema.get("$ref", "")
    return reference.rpartition("/")[2]


def _with_public_names(document: Json) -> Json:
    text = PASSWORD_FORM.sub("PasswordForm", PAGE.sub(r"\1Page", json.dumps(document)))
    renamed: Json = json.loads(text)
    return renamed
