"""`GET /api/meta/`: every word with labels, and the limits."""

import json
from pathlib import Path
from typing import Any

from app import __version__
from app.meta.words import ENUMS, enumerations
from tests.support.api import Api

DOCUMENT = json.loads((Path(__file__).parents[2] / "openapi.json").read_text())


async def _meta(api: Api) -> dict[str, Any]:
    answer = await api.http.get("/api/meta/")
    assert answer.status_code == 200
    meta: dict[str, Any] = answer.json()
    return meta


async def test_strangers_read_words_in_both_languages(api: Api) -> None:
    meta = await _meta(api)
    assert (meta["version"], meta["languages"]) == (__version__, ["en", "de"])
    assert {"value": "no_show", "labels": {"en": "No-show", "de": "Nicht gekommen"}} in meta[
        "enums"
    ]["presence"]
    full = next(word for word in meta["enums"]["problem_code"] if word["value"] == "slot_full")
    assert full["labels"] == {"en": "This hour is full", "de": "Diese Stunde ist ausgebucht"}
    for words in meta["enums"].values():
        values = [word["value"] for word in words]
        assert len(values) == len(set(values)) > 1
        assert all(all(word["labels"].values()) for word in words)


async def test_clients_that_have_it_get_304(api: Api) -> None:
    first = await api.http.get("/api/meta/")
    assert first.headers["Cache-Control"] == "no-cache"
    known = {"If-None-Match": f"W/{first.headers['ETag']}"}
    again = await api.http.get("/api/meta/", headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_every_problem_of_the_document_has_a_title() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    parts = [part for schema in schemas.values() for part in schema.get("allOf", ())]
    codes = {
        part["properties"]["code"]["const"]
        for part in parts
        if "code" in part.get("properties", {})
    }
    assert len(codes) > 80
    assert codes <= enumerations()["problem_code"].keys()


def test_every_enumeration_of_an_answer_has_labels() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    enums = {name for name, schema in schemas.items() if schema.get("type") == "string"}
    # Words of requests and of findings in uploads.
    others = {"ExportFormat", "FactorMethod", "Granularity", "Leftover", "VisitorOrdering"}
    assert enums - {enum.__name__ for enum in ENUMS} == others


async def test_the_limits_are_those_of_the_document(api: Api) -> None:
    limits = (await _meta(api))["limits"]
    schemas = DOCUMENT["components"]["schemas"]
    assert limits["group_visitors"] == schemas["GroupCreate"]["properties"]["visitors"]["maxItems"]
    page = next(
        each
        for each in DOCUMENT["paths"]["/api/visitors/"]["get"]["parameters"]
        if each["name"] == "limit"
    )
    assert limits["page_items"] == page["schema"]["maximum"]
