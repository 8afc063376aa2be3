"""The proxies of deploy/ log no keys and codes, not even while the service is down."""

import os
import shutil
from pathlib import Path

import httpx
import pytest

from devserver.server import Server
from tests.e2e.installation import free_port
from tests.scaling.servers import HOST, Caddy, Nginx

SECRET = "opens-a-gate"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

needs_caddy = pytest.mark.needs(shutil.which("caddy", path=PATH), "no Caddy: apt-get install caddy")
needs_nginx = pytest.mark.needs(
    shutil.which("nginx", path=PATH), "no nginx: apt-get install nginx-light"
)


def log_of_an_outage(proxy: Server, address: str) -> str:
    """Return what a proxy logs of a request while its API is away."""
    proxy.start()
    try:
        headers = {"Host": httpx.URL(address).netloc.decode(), "X-Device-Key": SECRET}
        there = httpx.URL(address).copy_with(host="127.0.0.1")
        with httpx.Client(verify=False, timeout=20) as client:  # noqa: S501 - a certificate of its own
            answer = client.get(there, params={"q": SECRET}, headers=headers)
        assert answer.status_code == 502
    finally:
        proxy.stop()
    return proxy.log.read_text()


@needs_caddy
def test_caddy_says_what_went_wrong_and_not_for_whom(tmp_path: Path) -> None:
    caddy = Caddy(tmp_path, api_port=free_port())
    log = log_of_an_outage(caddy, f"http://{HOST}:{caddy.port}/api/visitors/")
    assert "connection refused" in log
    assert SECRET not in log
    assert "remote_ip" not in log


@needs_nginx
def test_nginx_says_nothing_of_requests(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, (free_port(), free_port()))
    assert SECRET not in log_of_an_outage(nginx, f"https://{HOST}:{nginx.port}/api/visitors/")
