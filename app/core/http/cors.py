"""Cross-origin requests from browsers (Fetch standard, section 3.2)."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.core.errors import Problem


class PreflightRefused(Problem):
    """400: the preflight's origin, method or headers are not allowed."""

    status, code, title = 400, "preflight_refused", "The cross-origin request is not allowed"


class CorsMiddleware(CORSMiddleware):
    """Starlette's middleware, with refusals as problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        own = {"content-length", "content-type"}
        kept = {name: value for name, value in response.headers.items() if name not in own}
        return PreflightRefused(bytes(response.body).decode(), headers=kept).response()
