"""The codes of second factors: those of authenticator apps (RFC 6238) and recovery codes."""

import hashlib
import re
import secrets
from datetime import datetime

import pyotp
from pyotp import OTPVerificationError

ISSUER = "Visitor management"
SECONDS = 30
RECOVERY_CODES = 10
# Without letters that look like digits (Crockford's Base 32); 80 bits need no slow hash.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH, GROUP = 16, 4
LOOKALIKES = str.maketrans("oil", "011")
TOTP_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_totp_secret() -> str:
    """Return a secret of 160 bits in Base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """Return the URI that authenticator apps read from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def used_step(secret: str, code: str, last: int | None, now: datetime) -> int | None:
    """Return the time step of a valid code, or None.

    A step counts once, and so do those before it; the clocks may differ by one. `pyotp` accepts
    repeats and full-width digits, hence the checks.
    """
    if not TOTP_CODE.fullmatch(code):
        return None
    try:
        step: int = pyotp.TOTP(secret).verify_and_get_timecode(
            code, for_time=int(now.timestamp()), valid_window=1
        )
    except OTPVerificationError:
        return None
    return step if last is None or step > last else None


def is_totp_code(code: str) -> bool:
    """Return whether it has the form of an app's code, and not of a recovery code."""
    return TOTP_CODE.fullmatch(code) is not None


def without_spaces(code: str) -> str:
    """Return the code as it is checked: apps show it in groups."""
    return "".join(code.split())


def new_recovery_codes() -> list[str]:
    """Return ten new codes, in groups to be written down."""
    return [_new_recovery_code() for _ in range(RECOVERY_CODES)]


def _new_recovery_code() -> str:
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def recovery_hash(code: str) -> bytes:
    """Return the stored hash of a recovery code, however it is written."""
    plain = "".join(filter(str.isalnum, code)).lower().translate(LOOKALIKES)
    return hashlib.sha256(plain.encode()).digest()
