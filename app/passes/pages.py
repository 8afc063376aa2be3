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
from app.notifications.brand import Brand
from app.notifications.templates import environment

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
CSP = "Content-Security-Policy"


def _policy(*styles: str) -> str:
    """Allow these style sheets, inline, so that the page is complete in one response."""
    digests = (hashlib.sha256(style.encode()).digest() for style in styles if style)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; style-src {hashes}; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


HEADERS = {
    CSP: _policy(STYLE),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Vary": "Accept-Language",
}


def page(name: str, language: Language, *, status: int = 200, **values: Any) -> HTMLResponse:
    brand: Brand | None = values.get("brand")
    own = _brand_style(brand)
    known = {"brand": brand, "brand_style": own} | values
    content = _templates(language).get_template(f"{name}.jinja").render(known)
    headers = HEADERS | {"Content-Language": language.value, CSP: _policy(STYLE, own)}
    return HTMLResponse(content, status_code=status, headers=headers)


def _brand_style(brand: Brand | None) -> str:
    if brand is None or brand.colour is None:
        return ""
    return f":root{{--brand:{brand.colour};--on-brand:{brand.text_colour}}}"


def qr_image(token: str) -> str:
    """Return the QR code as a data URL of an SVG image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(qr_svg(token)).decode()}"


@lru_cache
def _templates(language: Language) -> Environment:
    made = environment(language, [TEMPLATES], html=True)
    made.globals["style"] = STYLE
    return made
