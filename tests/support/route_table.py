"""The operations that must have a guard, or say that they are public."""

from collections.abc import Iterator

from fastapi import FastAPI

from app.api_docs.operations import Operation
from app.api_docs.operations import operations as served

__all__ = ["DOCUMENTATION", "Operation", "operations"]

# Pages for people to read, without a guard.
DOCUMENTATION = {"/docs", "/docs/oauth2-redirect", "/redoc"}


def operations(app: FastAPI) -> Iterator[Operation]:
    """Every operation that is served, but for the documentation."""
    return (operation for operation in served(app) if operation.path not in DOCUMENTATION)
