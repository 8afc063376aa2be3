"""The worker's own `/metrics`: what it has counted itself.

It runs in a thread, so that a delivery that hangs can still be seen to hang. What concerns all
workers (the outbox, the last runs of the jobs) is served by the API, also while no worker lives.
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
    timeout = 10  # seconds for one who connects and says nothing

    def log_message(self, *_: Any) -> None:
        """Requests for figures are of no interest."""


@contextmanager
def metrics_served(settings: Settings) -> Iterator[None]:
    """Serve the figures while the block runs, where the settings name a port."""
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
    """With the token of the API's `/metrics`; in development without one, as there."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        is_known = scheme.lower() == "bearer" and is_token(settings, token)
        if settings.metrics_token is None or is_known:
            return figures(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
        return [b"Send METRICS_TOKEN as a bearer token\n"]

    return answer
