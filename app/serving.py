"""The server processes of `vms serve`."""

import asyncio
import resource
import signal
from types import FrameType
from typing import Any

import uvicorn

from app.core.leaving import closing, leaving

MOST_FILES = 65_536
APPLICATION = "app.cli:make_app"
OPTIONS: dict[str, Any] = {
    "factory": True,
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    # Longer than proxies keep idle connections, or a request just being sent would be lost.
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 15,
}


def serve(host: str, port: int, *, workers: int, linger: float) -> None:
    """Serve until SIGTERM or SIGINT; a single process can linger for some seconds."""
    _allow_many_connections()
    if workers > 1 or not linger:
        uvicorn.run(APPLICATION, host=host, port=port, workers=workers, **OPTIONS)
        return
    server = LingeringServer(uvicorn.Config(APPLICATION, host=host, port=port, **OPTIONS), linger)
    server.run()
    if not server.started:
        raise SystemExit(1)


def _allow_many_connections() -> None:
    """Raise the limit of open files, since streams stay open for hours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


class LingeringServer(uvicorn.Server):
    """Serves some seconds longer after SIGTERM (see app/core/leaving.py), until a second signal."""

    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        super().__init__(config)
        self._seconds = seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or leaving.is_set():
            self._close(sig, frame)
            return
        leaving.set()
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self._seconds, self._close, sig, frame)

    def _close(self, sig: int, frame: FrameType | None) -> None:
        closing.set()
        super().handle_exit(sig, frame)
