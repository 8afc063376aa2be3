from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is this problem (RFC 9457); return its document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert all(isinstance(document[name], str) for name in ("type", "title", "detail"))
    return document


def faulty_fields(answer: httpx.Response) -> set[str]:
    """Return the fields that a 422 names."""
    return {fault["field"] for fault in problem(answer, 422, "invalid")["errors"]}
