"""Accounts of people in the directory: link, create, and follow their roles."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.auth.directory_errors import DirectoryFault, InvalidDirectoryCode
from app.auth.directory_identity import Identity
from app.auth.directory_models import DirectoryLink
from app.auth.directory_repository import DirectoryLinkRepository, site_names
from app.auth.directory_roles import HOST, Rights, rights_of, unknown_sites
from app.auth.event_repository import AccountEventRepository
from app.auth.models import AccountAction
from app.core.db.database import AfterCommit, Database, WriteSession
from app.core.db.errors import OUTAGES
from app.core.db.repository import refusals
from app.core.languages import Language
from app.core.observability.logging import logger
from app.core.security.passwords import NO_PASSWORD
from app.core.text import account_key, is_same_mailbox
from app.directory_settings import Grant
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import AccountPayload
from app.notifications.repository import Outbox, OutgoingMail
from app.users.errors import EmailTaken
from app.users.models import Role, User
from app.users.repository import UserRepository


def fault_of(
    identity: Identity,
    user: User | None,
    *,
    is_theirs: bool,
    is_taken: bool,
    domains: Collection[str],
) -> DirectoryFault | None:
    """Return why a person cannot sign in, or None.

    `user` is their account (`is_theirs`), or else that of their address, which `is_taken` if it is
    linked to somebody else.
    """
    is_outside = bool(domains) and identity.email is not None and identity.domain not in domains
    if is_theirs:
        if user is not None and not user.is_active:
            return DirectoryFault.ACCOUNT_DISABLED
        return DirectoryFault.DOMAIN_NOT_ALLOWED if is_outside else None
    if identity.email is None or not identity.is_verified:
        return DirectoryFault.EMAIL_UNVERIFIED
    if is_outside:
        return DirectoryFault.DOMAIN_NOT_ALLOWED
    if user is None or user.awaits_verification:
        return None
    return _fault_of_account(identity.email, user, is_taken=is_taken, domains=domains)


def _fault_of_account(
    email: str, user: User, *, is_taken: bool, domains: Collection[str]
) -> DirectoryFault | None:
    if not is_same_mailbox(user.email, email):  # the address only looks the same
        return DirectoryFault.EMAIL_UNVERIFIED
    if not user.is_active:
        return DirectoryFault.ACCOUNT_DISABLED
    if is_taken:
        return DirectoryFault.ALREADY_LINKED
    # Anyone who gets any address at the directory could otherwise become an administrator.
    if user.role is not Role.HOST and not domains:
        return DirectoryFault.DOMAIN_NOT_ALLOWED
    return None


# How long the start waits to compare the map of roles with the sites.
SECONDS_AT_START = 5.0
# The part of a sign-in's context that names the person to link the account to.
LINK = "link"


@dataclass(frozen=True, slots=True)
class DirectoryMail:
    """How the owner of an account is told that it was linked."""

    wake: AfterCommit
    language: Language


def link_to(identity: Identity) -> dict[str, str]:
    """Return what a sign-in keeps of a person until the account may be linked to them."""
    return {"issuer": identity.issuer, "subject": identity.subject}


async def link_account(
    unit: WriteSession, mail: DirectoryMail, user: User, person: Mapping[str, str], now: datetime
) -> None:
    """Link a locked account to a person, and tell its owner by mail.

    Raise `InvalidDirectoryCode` if the account or the person was linked to another meanwhile.
    """
    links = DirectoryLinkRepository(unit)
    present = await links.of_person(person["issuer"], person["subject"])
    if present is not None and present.user_id == user.id:
        return
    if await links.is_linked(user.id):
        raise InvalidDirectoryCode
    links.add(DirectoryLink(user_id=user.id, created_at=now, **person))
    with refusals({"uq_directory_links_issuer_subject": InvalidDirectoryCode}):
        await unit.flush()
    AccountEventRepository(unit, now).record(AccountAction.DIRECTORY_LINKED, user.id, by=user.id)
    payload = AccountPayload(language=mail.language, first_name=user.first_name or user.email)
    kind = NotificationKind.directory_linked
    message = OutgoingMail(kind=kind, payload=payload, to=user.email, name=user.name)
    Outbox(unit, mail.wake).put(message, now)


async def warn_of_unknown_sites(database: Database, grants: Mapping[str, Grant]) -> None:
    """Log the sites that the map of roles names and that do not exist, if the database answers."""
    if not grants:
        return
    try:
        async with asyncio.timeout(SECONDS_AT_START), database.read() as session:
            unknown = unknown_sites(grants, await site_names(session))
    except OUTAGES:  # a time-out raises an OSError, too
        return
    if unknown:
        logger.warning("OIDC_ROLE_MAP names unknown sites, which give nothing", sites=unknown)


class DirectoryAccounts:
    """Links and changes accounts in one unit of work."""

    def __init__(
        self,
        unit: WriteSession,
        grants: Mapping[str, Grant],
        mail: DirectoryMail,
        now: datetime,
    ) -> None:
        self._unit = unit
        self._grants = grants
        self._mail = mail
        self._now = now
        self._users = UserRepository(unit)
        self._links = DirectoryLinkRepository(unit)
        self._audit_log = AccountEventRepository(unit, now)

    async def create(self, identity: Identity, email: str) -> User:
        """Create the account of a person, who is linked to it at once.

        It takes the place of one that nobody has proven. Names are the directory's, which answers
        for them, so that they may look like others. Of concurrent requests one creates it.
        """
        await self._users.lock_names()
        if (user := await self._links.user_of(identity.issuer, identity.subject)) is not None:
            return user
        await self._users.drop_unproven(email)
        rights = await self._rights(identity.groups) or HOST
        user = await self._add(identity, email, rights)
        await self._users.adopt_visitors(user, user, self._now)
        self._audit_log.record(AccountAction.CREATED, user.id, by=user.id, **_told(rights))
        await link_account(self._unit, self._mail, user, link_to(identity), self._now)
        return user

    async def _add(self, identity: Identity, email: str, rights: Rights) -> User:
        user = User(
            email=email,
            email_key=account_key(email),
            first_name=identity.first_name,
            last_name=identity.last_name,
            role=rights.role,
            sites=None if rights.sites is None else list(rights.sites),
            role_from_directory=True,
            password_hash=NO_PASSWORD,
            is_active=True,
            awaits_verification=False,
            created_at=self._now,
            updated_at=self._now,
        )
        try:
            return await self._users.save(user)
        except EmailTaken:  # by an account that was made since the callback
            raise InvalidDirectoryCode from None

    async def follow(self, linked: User, groups: list[str] | None) -> User:
        """Give an account the role and sites of its groups, if its role came from the directory.

        Groups that the directory left out of its answer change nothing.
        """
        rights = await self._rights(groups)
        if rights is None or not linked.role_from_directory or rights.are_of(linked):
            return linked
        superadmins = await self._users.lock_superadmins()
        user = await self._users.lock(User.id == linked.id, key_share=True)
        if user is None:
            raise InvalidDirectoryCode
        is_last = user.role is Role.SUPERADMIN and list(superadmins) == [user.id]
        if user.role_from_directory and not is_last:
            former = user.role.value
            rights.give(user)
            user.updated_at = self._now
            self._audit_log.record(
                AccountAction.ROLE_FOLLOWED, user.id, by=None, former=former, **_told(rights)
            )
        return user

    async def _rights(self, groups: list[str] | None) -> Rights | None:
        if groups is None:
            return None
        names = await site_names(self._unit, locked=True) if groups else {}
        return rights_of(groups, self._grants, names)


def _told(rights: Rights) -> dict[str, Any]:
    """Return what the event records of rights."""
    sites = None if rights.sites is None else [str(site) for site in rights.sites]
    return {"role": rights.role.value, "sites": sites}
