"""The worker's own `/metrics`, in a thread, so that a stuck delivery remains visible.

The API serves the metrics of all workers, even while none runs.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from app.health.scraper import is_token
from app.settings import Settings

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds before an idle connection is closed

    def log_message(self, *_: Any) -> None:
        """Do not log scrapes."""


@contextmanager
def metrics_served(settings: Settings) -> Iterator[None]:
    """Serve the metrics during the block, if the settings name a port."""
    if settings.worker_metrics_port is None:
        yield
        return
    figures = _guarded(make_wsgi_app(), settings)
    port = settings.worker_metrics_port
    server = make_server("", port, figures, ThreadingWSGIServer, handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _guarded(figures: WsgiApp, settings: Settings) -> WsgiApp:
    """Require the token of the API's `/metrics`; none is needed in development."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        is_known = scheme.lower() == "bearer" and is_token(settings, token)
        if settings.metrics_token is None or is_known:
            return figures(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
        return [b"Send METRICS_TOKEN as a bearer token\n"]

    return answer
