"""A passkey in software: an ES256 key with the answers that an authenticator gives."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:3000"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftKey:
    """One key; synced keys always count 0."""

    def __init__(
        self, origin: str = ORIGIN, *, counts: bool = False, verifies: bool = True
    ) -> None:
        self.origin = origin
        self.id = secrets.token_bytes(16)
        self.owner = b""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._counts, self._count = counts, 0
        self._flags = PRESENT | (VERIFIED if verifies else 0)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to `navigator.credentials.create`."""
        self.owner = unb64(options["user"]["id"])
        point = self._key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        told = self._told("webauthn.create", options["challenge"])
        response = {"clientDataJSON": b64(told), "attestationObject": b64(attestation)}
        return self._credential(response)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to `navigator.credentials.get`."""
        data = self._data(options["rpId"], 0)
        told = self._told("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(told).digest()
        response = {
            "clientDataJSON": b64(told),
            "authenticatorData": b64(data),
            "signature": b64(self._key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": b64(self.owner),
        }
        return self._credential(response)

    def _data(self, rp_id: str, flags: int) -> bytes:
        self._count += self._counts
        head = hashlib.sha256(rp_id.encode()).digest()
        return head + bytes([self._flags | flags]) + self._count.to_bytes(4)

    def _told(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        own = b64(self.id)
        return {
            "id": own,
            "rawId": own,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
