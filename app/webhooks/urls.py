"""Decide which URLs messages may be sent to, as far as a URL alone tells."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from app.webhooks.addresses import Network, is_allowed, literal_address
from app.webhooks.errors import UrlNotAllowed


def require_allowed(url: str, opened: Sequence[Network] | None) -> None:
    """Raise `UrlNotAllowed`; with `opened` None, as in development, any host is allowed.

    A name is looked up when a message is sent.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or parts.port == 0:
        raise UrlNotAllowed
    if opened is None:
        return
    address = literal_address(parts.hostname or "")
    if parts.scheme != "https" or (address is not None and not is_allowed(address, opened)):
        raise UrlNotAllowed
