from typing import Any

Json = dict[str, Any]

REQUEST_ID = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
BY_FORMAT = {
    "uuid": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
    "date": "2026-11-23",
    "date-time": "2026-11-23T09:00:00Z",
    "email": "ada@example.com",
}
# A field name means the same everywhere; otherwise the field has its own example.
BY_NAME = {
    "access": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "access_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "actor_name": "Front Desk",
    "address": "Hauptstraße 1, 10115 Berlin",
    "checked_in_gate": "North",
    "client_address": "192.0.2.7",
    "code": "missing",
    "column": "Email",
    "company": "Analytical Engines Ltd",
    "department_name": "Research",
    "description": "Second floor",
    "device_name": "North gate, left",
    "email": "ada@example.com",
    "first_name": "Ada",
    "gate": "North",
    "host_email": "charles@example.com",
    "host_name": "Charles Babbage",
    "host_phone": "+49 (30) 123-456",
    "last_error": "550 5.1.1 No such mailbox",
    "last_name": "Lovelace",
    "message": "Field required",
    "name": "Ada Lovelace",
    "new_password": "difference engine",
    "next_cursor": "q83vEjRWeJCrWyIyMDI2LTExLTIzIl0",
    "note": "At the car park",
    "notes": "Comes by bicycle",
    "old_password": "analytical engine",
    "password": "analytical engine",
    "phone": "+49 (30) 123-456",
    "qr_code": "V1" + "A" * 40,
    "reason": "Christmas Eve",
    "recipient": "ada@example.com",
    "recipient_name": "Ada Lovelace",
    "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.cmVmcmVzaA",
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.e30.cmVmcmVzaA",
    "request_id": REQUEST_ID,
    "site_name": "Berlin",
    "timezone": "Europe/Berlin",
    "token": "V1" + "A" * 40,
}
BY_TYPE: Json = {"boolean": False, "integer": 1, "number": 1.5, "null": None}


class Examples:
    """Composes examples of schemas from those of their fields."""

    def __init__(self, components: Json) -> None:
        self._components = components

    def component(self, name: str) -> Json:
        found: Json = self._components[name.rpartition("/")[2]]
        return found

    def of(self, schema: Json) -> Any:
        """Return a value that fits a schema; raise KeyError for text without a known example."""
        if "$ref" in schema:
            return self.of(self.component(schema["$ref"]))
        if "examples" in schema:
            return _in_order(with_nulls(schema), schema.get("properties", {}))
        if "enum" in schema:
            return schema["enum"][0]
        for given in ("const", "default"):
            if given in schema:
                return schema[given]
        return self._composed(schema)

    def member(self, name: str, schema: Json) -> Any:
        try:
            return self.of(schema)
        except KeyError:
            return BY_NAME[name]

    def _composed(self, schema: Json) -> Any:
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                return self.of(schema[choices][0])
        if schema.get("type") == "object":
            return {n: self.member(n, part) for n, part in schema.get("properties", {}).items()}
        if schema.get("type") == "array":
            return [self.of(schema["items"])]
        if schema.get("format") in BY_FORMAT:
            return BY_FORMAT[schema["format"]]
        return BY_TYPE[schema["type"]]


def with_nulls(schema: Json) -> Any:
    """Return the example of a schema with the required nulls, which FastAPI removes."""
    example, fields = schema["examples"][0], schema.get("properties", {})
    if not isinstance(example, dict):
        return example
    missing = (name for name in schema.get("required", ()) if name not in example)
    nullable = {"type": "null"}
    return example | {name: None for name in missing if nullable in fields[name].get("anyOf", ())}


def _in_order(example: Any, properties: Json) -> Any:
    """Sort fields as in the schema; Pydantic sorts them by name."""
    if not properties:
        return example
    return {name: example[name] for name in properties if name in example}
