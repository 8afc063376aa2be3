"""Second factors, and sign-ins that wait for one."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.encrypted import encrypted
from app.core.db.models import Entity, words

TOTP_SECRETS = "totp"


class SignInMethod(StrEnum):
    """How somebody begins to sign in."""

    PASSWORD = "password"  # noqa: S105 - a method, not a password
    DIRECTORY = "directory"
    PASSKEY = "passkey"


class FactorMethod(StrEnum):
    """A second factor that ends a sign-in."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"


class TotpFactor(Entity):
    """An authenticator app (RFC 6238): the one in use, or the next until it is confirmed.

    `last_step` is the time step of the newest code that was accepted; no code works twice.
    """

    __tablename__ = "totp_factors"
    __table_args__ = (UniqueConstraint("user_id", "is_confirmed"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    is_confirmed: Mapped[bool]
    secret: Mapped[bytes] = mapped_column(LargeBinary, info=encrypted(TOTP_SECRETS))
    last_step: Mapped[int | None]


class RecoveryCode(Entity):
    """The hash of a code that replaces a second factor once; it is deleted when it is used."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Passkey(Entity):
    """A passkey (Web Authentication, Level 3): its public key and its latest counter.

    Most passkeys are synchronized between devices and always count 0.
    """

    __tablename__ = "passkeys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    last_used_at: Mapped[datetime | None]


class PasskeyChallenge(Entity):
    """The hash of a challenge, deleted when it is answered; `user_id` is set to register."""

    __tablename__ = "passkey_challenges"

    challenge_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInTicket(Entity):
    """A sign-in that waits for the second factor; the hash of its ticket.

    `context` is kept for the end of the sign-in, for what the method may do only then.
    """

    __tablename__ = "sign_in_tickets"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    ticket_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    method: Mapped[SignInMethod] = mapped_column(words(SignInMethod))
    context: Mapped[dict[str, Any]]
    failures: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
