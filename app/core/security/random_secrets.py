"""Random secrets that are handed out once and stored as hashes: links, tickets, tokens, codes."""

import hashlib


def stored_hash(secret: str | bytes) -> bytes:
    """Return what is stored of a random secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).digest()
