"""Encryption of secrets that must be read again, such as those of TOTP and webhooks."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.core.keys import KeyRing


class UnreadableSecret(Exception):  # noqa: N818 - a verdict
    """A stored secret was altered, or encrypted with a key that the settings no longer name."""


class Encryption:
    """Encrypts and reads the secrets of one purpose (Fernet: AES-128-CBC and HMAC-SHA-256).

    The current key encrypts; earlier ones still read.
    """

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        keys = ring.keys(f"encryption {purpose}")
        self._fernets = [Fernet(urlsafe_b64encode(key.secret)) for key in keys]
        self._all = MultiFernet(self._fernets)

    def encrypt(self, secret: str) -> bytes:
        """Return the secret, encrypted with the current key."""
        return self._all.encrypt(secret.encode())

    def decrypt(self, stored: bytes) -> str:
        """Return the secret; raise `UnreadableSecret` if no key fits."""
        try:
            return self._all.decrypt(stored).decode()
        except InvalidToken:
            raise UnreadableSecret from None

    def renewed(self, stored: bytes) -> bytes | None:
        """Return the secret encrypted with the current key, or null if it is already."""
        try:
            self._fernets[0].decrypt(stored)
        except InvalidToken:
            return self.encrypt(self.decrypt(stored))
        return None
