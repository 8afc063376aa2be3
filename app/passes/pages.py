"""The HTML pages of a pass: without scripts, never cached."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment

from app.core.languages import Language
from app.core.qr_image import qr_svg
from app.notifications.templates import environment

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    # Inline, so that the page is complete in one response, for printing too.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Vary": "Accept-Language",
}


def page(name: str, language: Language, *, status: int = 200, **values: Any) -> HTMLResponse:
    content = _templates(language).get_template(f"{name}.jinja").render(values)
    headers = HEADERS | {"Content-Language": language.value}
    return HTMLResponse(content, status_code=status, headers=headers)


def qr_image(token: str) -> str:
    """Return the QR code as a data URL of an SVG image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(qr_svg(token)).decode()}"


@lru_cache
def _templates(language: Language) -> Environment:
    made = environment(language, [TEMPLATES], html=True)
    made.globals["style"] = STYLE
    return made
