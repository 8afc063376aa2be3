"""`vms webhooks listen`: a receiver on one's own machine, to try webhooks (docs/webhooks.md)."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any

import typer

from app.commands.starting import fail

MOST_BYTES = 1024 * 1024
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")

webhooks = typer.Typer(help="Try webhooks.", no_args_is_help=True)


@webhooks.callback()
def _group() -> None:
    """Try webhooks."""


@webhooks.command()
def listen(
    secret: Annotated[
        str | None,
        typer.Option(
            envvar="WEBHOOK_SECRET", help="`whsec_…`, to verify; default: messages are only shown"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on")] = 8400,
    status: Annotated[
        int, typer.Option(min=200, max=599, help="Answer this, to see what is tried again")
    ] = 200,
) -> None:
    """Receive messages, verify their signatures and show them, until Ctrl+C.

    What is not signed with the secret is answered 401.
    """
    try:
        server = listening(host, port, secret, status, typer.echo)
    except ValueError:
        message = "It is not that of a webhook, which begins with whsec_ and has 50 characters."
        raise typer.BadParameter(message, param_hint="--secret") from None
    except OSError as error:
        fail(f"Nothing can listen on {host}:{port}: {error.strerror}.")
    typer.echo(f"Listening on http://{host}:{server.server_address[1]}/")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        typer.echo("")
    finally:
        server.server_close()


def listening(
    host: str, port: int, secret: str | None, status: int, show: Callable[[str], Any]
) -> ThreadingHTTPServer:
    """Return a server that verifies and shows messages; raise `ValueError` for a bad secret."""
    from standardwebhooks import Webhook

    if secret is not None and not SECRET.fullmatch(secret):
        raise ValueError("not the secret of a webhook")
    verifier = None if secret is None else Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            size = self.headers.get("content-length", "")
            if not size.isdecimal() or int(size) > MOST_BYTES:
                self.close_connection = True
                self._answer(413)
                return
            body = self.rfile.read(int(size))
            try:
                if verifier is not None:
                    verifier.verify(body, dict(self.headers), json_parse=False)
            except Exception as error:
                show(f"NOT VERIFIED ({error})")
                self._answer(401)
                return
            show(_shown(body, is_verified=verifier is not None))
            self._answer(status)

        def _answer(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Show messages alone."""

    return ThreadingHTTPServer((host, port), Handler)


def _shown(body: bytes, *, is_verified: bool) -> str:
    verdict = "verified" if is_verified else "not verified: no --secret"
    try:
        message = json.loads(body)
        name = f"{message['type']} at {message['timestamp']}"
        return f"{name} ({verdict})\n{json.dumps(message, indent=2, ensure_ascii=False)}"
    except (ValueError, KeyError, TypeError):
        return f"No message ({verdict}): {body[:200]!r}"
