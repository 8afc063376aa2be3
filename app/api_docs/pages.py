"""`/docs` and `/redoc`, which work without internet access and run no inline scripts.

Scripts and styles come from the package fastapi_offline.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

OWN = Path(__file__).parent / "static"
PAGES = {
    "/docs": "docs.html",
    "/docs/oauth2-redirect": "oauth2-redirect.html",
    "/redoc": "redoc.html",
}


def install(app: FastAPI) -> None:
    """Add the pages and their assets."""
    for path, name in PAGES.items():
        _add_page(app, path, (OWN / name).read_text(encoding="utf-8"))
    files = StaticFiles(directory=OWN, packages=[("fastapi_offline", "static")])
    app.mount("/docs-assets", files, name="docs-assets")


def _add_page(app: FastAPI, path: str, content: str) -> None:
    async def page() -> HTMLResponse:
        return HTMLResponse(content)

    app.add_api_route(path, page, include_in_schema=False)
