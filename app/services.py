"""The resources of the process, set by `app/main.py`."""

from fastapi import Request

from app.core.http.services import CoreServices
from app.core.jobs import Waker
from app.core.places import BatchTurns, Places
from app.core.security.encryption import Encryption
from app.core.security.openid import OpenIdProvider
from app.core.security.tokens import SessionTokens
from app.settings import Settings


class Services(CoreServices):
    settings: Settings
    tokens: SessionTokens
    totp_secrets: Encryption
    webhook_secrets: Encryption
    wake_outbox: Waker
    wake_site_changes: Waker
    export_places: Places
    batch_turns: BatchTurns
    directory: OpenIdProvider | None


def services(request: Request) -> Services:
    found: Services = request.app.state
    return found
