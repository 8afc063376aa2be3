"""`/docs`, `/redoc` and `/llms.txt`, without internet access and inline scripts."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from app.core.http.responses import Constant

OWN = Path(__file__).parent / "static"
PAGES = {
    "/docs": "docs.html",
    "/docs/oauth2-redirect": "oauth2-redirect.html",
    "/redoc": "redoc.html",
}


def install(app: FastAPI) -> None:
    for path, name in PAGES.items():
        page = Constant((OWN / name).read_text(encoding="utf-8"), "text/html")
        app.add_route(path, page.answer, include_in_schema=False)
    overview = Constant((OWN / "llms.txt").read_text(encoding="utf-8"), "text/plain")
    app.add_route("/llms.txt", overview.answer, include_in_schema=False)
    files = StaticFiles(directory=OWN, packages=[("fastapi_offline", "static")])
    app.mount("/docs-assets", files, name="docs-assets")
