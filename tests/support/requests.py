"""Requests generated from the OpenAPI document."""

from dataclasses import dataclass, field
from typing import Any

NOBODY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
BY_FORMAT = {
    "uuid": NOBODY,
    "date": "2026-11-23",
    "date-time": "2026-11-23T10:00:00Z",
    "email": "ada@example.com",
    "binary": "",
}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Sample:
    """A path below `/api/`, and options of httpx."""

    path: str
    options: dict[str, Any] = field(default_factory=dict)


def sample(document: dict[str, Any], method: str, path: str) -> Sample:
    """Return a well-formed request for a resource that does not exist."""
    operation = document["paths"][path][method.lower()]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", NOBODY)
    params = {
        p["name"]: value_of(document, p["schema"])
        for p in operation.get("parameters", ())
        if p["in"] == "query" and p.get("required")
    }
    relative = path.removeprefix("/api/") if path.startswith("/api/") else f"..{path}"
    return Sample(relative, {"params": params, **_body(document, operation)})


def _body(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return {"json": value_of(document, content["application/json"]["schema"])}
    for media_type, described in content.items():
        values = value_of(document, described["schema"])
        if media_type == "multipart/form-data":
            upload = ("list.xlsx", b"no workbook", XLSX)
            return {"files": {"file": upload}}
        return {"data": values} if isinstance(values, dict) else {"content": values}
    return {}


def value_of(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """Return a value that fits a schema: its example, or only required fields."""
    if "$ref" in schema:
        return value_of(document, document["components"]["schemas"][schema["$ref"].split("/")[-1]])
    if "example" in schema:
        return schema["example"]
    if "examples" in schema:
        return schema["examples"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return value_of(document, schema[choice][0])
    if "enum" in schema:
        return schema["enum"][0]
    return _plain(document, schema)


def _plain(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {name: value_of(document, schema["properties"][name]) for name in required}
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    if schema.get("minItems"):
        return [value_of(document, schema["items"])]
    by_type: dict[str, Any] = {"integer": 1, "number": 1, "boolean": False, "array": []}
    return by_type.get(schema.get("type", "string"), "text")
