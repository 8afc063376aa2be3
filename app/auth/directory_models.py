"""Sign-ins by the company's directory that are under way, and accounts that are linked to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.encrypted import encrypted
from app.core.db.models import Entity

# Purposes of encryption.
VERIFIERS = "directory verifier"
IDENTITIES = "directory identity"
MOST_RETURN_TO = 2000


class DirectoryFlow(Entity):
    """A sign-in that a browser has begun at the directory; it counts once.

    The verifier (RFC 7636) is encrypted; state, nonce and the browser's cookie are hashes.
    `challenge` is that of the page, which redeems our code. `session_id` is the session that is to
    be confirmed, if any, and may have ended.
    """

    __tablename__ = "directory_flows"

    state_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    nonce_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    verifier: Mapped[bytes] = mapped_column(LargeBinary, info=encrypted(VERIFIERS))
    challenge: Mapped[str] = mapped_column(String(43))
    return_to: Mapped[str] = mapped_column(String(MOST_RETURN_TO))
    session_id: Mapped[UUID | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class DirectoryCode(Entity):
    """The hash of a code that the page redeems for tokens; it is deleted when it is used.

    `identity` is what the directory said of the person, encrypted.
    """

    __tablename__ = "directory_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    challenge: Mapped[str] = mapped_column(String(43))
    identity: Mapped[bytes] = mapped_column(LargeBinary, info=encrypted(IDENTITIES))
    session_id: Mapped[UUID | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class DirectoryLink(Entity):
    """The person in the directory (issuer and subject) to whom an account belongs."""

    __tablename__ = "directory_links"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    issuer: Mapped[str] = mapped_column(String(2000))
    subject: Mapped[str] = mapped_column(String(255))
