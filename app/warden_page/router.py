"""`/muster/{link}`: the page of a warden, which works offline once it was opened."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.auth.guards import Public
from app.core.http.dependencies import Limiter, Now, Reading
from app.musters.dependencies import PRIVATE, forged, warden_of
from app.musters.errors import DeadLink, UnknownLink

STATIC = Path(__file__).parent / "static"
HEADERS = PRIVATE | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",  # cached, but always revalidated
}

# Not part of the API document.
router = APIRouter(prefix="/muster", dependencies=[Public], include_in_schema=False)


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


async def _worker(_: Request) -> Response:
    # Beside the links, since a worker serves only what is below it.
    return FileResponse(STATIC / "worker.js", headers=HEADERS)


@router.get("/{link}")
async def show_page(
    link: str, session: Reading, limiter: Limiter, now: Now, request: Request
) -> Response:
    """Return the page, which is the same for all links; it says so itself if one is dead."""
    status = 200
    try:
        await warden_of(link, session, limiter, forged(request), now)
    except (UnknownLink, DeadLink) as problem:
        status = problem.status
    headers = HEADERS | {"Cache-Control": "no-store"}
    return FileResponse(STATIC / "index.html", status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Serve the files of the page, in front of the links."""
    app.add_route("/muster/worker.js", _worker, include_in_schema=False)
    app.mount("/muster/static", _Files(directory=STATIC), name="warden page")
