"""Which pages of other origins a browser lets call us (Fetch standard, section 3.2)."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.core.errors import Problem


class PreflightRefused(Problem):
    """400: the browser will not send the request that it asked about."""

    status, code, title = 400, "preflight_refused", "Pages of that origin may not ask this of us"


class CorsMiddleware(CORSMiddleware):
    """Starlette's, with its refusals as problem documents."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        own = {"content-length", "content-type"}
        kept = {name: value for name, value in response.headers.items() if name not in own}
        return PreflightRefused(bytes(response.body).decode(), headers=kept).response()
