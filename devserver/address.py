"""Check the API's address before and after the start."""

import contextlib
import errno
import http.client
import socket

from devserver.process import EmbeddedError

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
ANSWER_SECONDS = 5.0


def check_port_free(host: str, port: int) -> None:
    """Raise EmbeddedError if the port cannot be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise EmbeddedError(_refusal(host, port, error)) from error


def base_url(host: str, port: int) -> str:
    """Return the URL for a browser."""
    name = EVERYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def is_ready(host: str, port: int) -> bool:
    """Return whether the API and everything it needs respond."""
    connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), port, ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health/ready/")
        return connection.getresponse().status == http.client.OK
    return False


def _refusal(host: str, port: int, error: OSError) -> str:
    other = f"choose another: vms dev --port {port + 1 if port < 65535 else 8000}."
    if isinstance(error, PermissionError):
        return f"Port {port} on {host} is reserved for root; {other}"
    if isinstance(error, socket.gaierror) or error.errno != errno.EADDRINUSE:
        return f"Nothing can listen on {host}, port {port}: {error.strerror}."
    return f"Port {port} on {host} is in use. Stop what listens there or {other}"
