"""Sessions, refresh tokens, mailed links and account events."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, false, func
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship, synonym

from app.audit.models import AuditEntry
from app.core.db.models import Base, Entity, words
from app.users.models import User


class AuthSession(Entity):
    """A sign-in and the family of its refresh tokens.

    Address and last use let users recognize it.
    """

    __tablename__ = "auth_sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    # Null until the sign-in is confirmed again: it was at `created_at`. What the directory says of
    # its own sign-in stands here from the beginning.
    confirmed_at: Mapped[datetime | None]
    # The default is for the previous release, during a rollout.
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    client_address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    # Whether it began at the company's directory, which shortens its life.
    by_directory: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether the directory has checked a second factor, so that the account needs none of its own.
    has_directory_factor: Mapped[bool] = mapped_column(server_default=false(), default=False)


class SignInNetwork(Entity):
    """A network from which an account has signed in; see `KNOWN_FOR`."""

    __tablename__ = "sign_in_networks"
    __table_args__ = (UniqueConstraint("user_id", "network"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    network: Mapped[str] = mapped_column(String(64))
    last_used_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(Entity):
    """The hash of a refresh token, which can be used once."""

    __tablename__ = "refresh_tokens"

    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("auth_sessions.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LinkPurpose(StrEnum):
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, not a password
    # Verify the address and set the first password; named as in older releases.
    INVITATION = "email_verification"


class AccountLink(Entity):
    """The latest link of an account for a purpose, as a hash; deleted when used."""

    __tablename__ = "account_links"
    __table_args__ = (UniqueConstraint("user_id", "purpose"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[LinkPurpose] = mapped_column(words(LinkPurpose))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]


class FormerAccountLink(Entity):
    """An earlier link, valid until it expires.

    Anybody may request a link for an account, which must not end the owner's.
    """

    __tablename__ = "former_account_links"

    link_id: Mapped[UUID] = mapped_column(
        ForeignKey("account_links.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]


class AccountAction(StrEnum):
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    OTHER_SESSIONS_ENDED = "other_sessions_ended"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - what happened, not a token
    REGISTERED = "registered"
    EMAIL_VERIFIED = "email_verified"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - an event, not a password
    PASSWORD_CHANGE_FAILED = "password_change_failed"  # noqa: S105 - an event, not a password
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105 - an event, not a password
    PASSWORD_RESET = "password_reset"  # noqa: S105 - an event, not a password
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    VISITS_HANDED_OVER = "visits_handed_over"
    DIRECTORY_LINKED = "directory_linked"
    DIRECTORY_UNLINKED = "directory_unlinked"
    ROLE_FOLLOWED = "role_followed"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"


class AccountEvent(Base):
    """An entry of the audit log about an account (OWASP ASVS 5, 16.3).

    `account_id` is null if the address has no account, `actor_id` if the caller is anonymous.
    Queries add `is_of_user`, since the table has entries about other subjects, too.
    """

    __table__ = AuditEntry.__table__

    id: Mapped[UUID]
    created_at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    client_address: Mapped[str | None]
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    account_id: Mapped[UUID | None] = synonym("subject_id")
    account: Mapped[User | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: foreign(AuditEntry.__table__.c.subject_id) == User.id,
    )
    actor: Mapped[User | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: foreign(AuditEntry.__table__.c.actor_id) == User.id,
    )
