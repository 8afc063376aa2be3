"""Creates accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.security.passwords import PasswordHasher
from app.core.text import account_key
from app.users.models import Role, User
from app.users.repository import UserRepository


async def create_user(
    users: UserRepository,
    hasher: PasswordHasher,
    *,
    password: str,
    by_stranger: bool = False,
    **facts: Any,
) -> User:
    """Hash the password, then do as `add_user`."""
    password_hash = await hasher.hash(password, known=not by_stranger)
    return await add_user(users, password_hash=password_hash, **facts)


async def add_user(
    users: UserRepository,
    *,
    email: str,
    password_hash: str,
    role: Role,
    now: datetime,
    first_name: str = "",
    last_name: str = "",
    sites: list[UUID] | None = None,
) -> User:
    """Create an active account; raise `EmailTaken` or `NameLooksTaken`."""
    await users.lock_names()
    await users.drop_unproven_lookalike(email)
    user = await users.save(
        User(
            email=email,
            email_key=account_key(email),
            first_name=first_name,
            last_name=last_name,
            role=role,
            sites=sites,
            password_hash=password_hash,
            is_active=True,
            awaits_verification=False,
            created_at=now,
            updated_at=now,
        )
    )
    await users.refuse_lookalike(user)
    return user
