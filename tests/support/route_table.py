"""Operations that need a guard or are public."""

from collections.abc import Iterator

from fastapi import FastAPI

from app.api_docs.operations import Operation
from app.api_docs.operations import operations as served

__all__ = ["DOCUMENTATION", "Operation", "operations"]

# Pages without a guard.
DOCUMENTATION = {"/docs", "/docs/oauth2-redirect", "/redoc"}


def operations(app: FastAPI) -> Iterator[Operation]:
    """Return every operation except the documentation."""
    return (operation for operation in served(app) if operation.path not in DOCUMENTATION)
