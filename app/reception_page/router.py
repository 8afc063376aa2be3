"""`/reception/`: the desk's page, for receptions that have no front end of their own."""

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.core.http.permissions_policy import permissions_policy

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": permissions_policy("publickey-credentials-get"),
    "Cache-Control": "no-cache",  # cached, but always revalidated
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


async def _with_slash(_: Request) -> Response:
    return RedirectResponse("reception/", status_code=308)


def install(app: FastAPI) -> None:
    app.add_route("/reception", _with_slash, include_in_schema=False)
    app.mount("/reception", _Files(directory=STATIC, html=True), name="reception")
