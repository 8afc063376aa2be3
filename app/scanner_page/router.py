"""`/scanner/`: a scanner in the browser, for trials and for a tablet at the desk."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.core.http.permissions_policy import permissions_policy
from app.core.languages import Language, texts_of
from app.scans.errors import REFUSALS

FOLDER = "app/scanner_page/"
STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": permissions_policy("camera"),
    "Cache-Control": "no-cache",  # cached, but always revalidated
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


async def _with_slash(_: Request) -> Response:
    return RedirectResponse("scanner/", status_code=308)


def _words(language: Language) -> Callable[[Request], Awaitable[Response]]:
    async def words(_: Request) -> Response:
        refusals = {code: each.advice.words(language) for code, each in REFUSALS.items()}
        texts = texts_of(language, FOLDER)
        return JSONResponse({"texts": texts, "refusals": refusals}, headers=HEADERS)

    return words


def install(app: FastAPI) -> None:
    app.add_route("/scanner", _with_slash, include_in_schema=False)
    for language in Language:
        path = f"/scanner/words-{language}.json"
        app.add_route(path, _words(language), include_in_schema=False)
    app.mount("/scanner", _Files(directory=STATIC, html=True), name="scanner")
