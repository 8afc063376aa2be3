"""Make, change and revoke API keys, and find the one that makes a request."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from app.api_keys.errors import NetworkNotAllowed, ScopeNotForKeys
from app.api_keys.models import ApiKey
from app.api_keys.networks import is_allowed
from app.api_keys.repository import ApiKeyRepository, KnownKey, in_scope, known_key
from app.api_keys.schemas import ApiKeyCreate
from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.core.db.database import Database, WriteSession
from app.core.db.rollout import require_finished
from app.core.db.scope import Scope
from app.core.errors import BeyondYourRights, Invalid, NotFound
from app.core.observability.logging import logger
from app.core.security.access_keys import API_KEYS
from app.core.security.random_secrets import stored_hash
from app.users.errors import SitesRequired
from app.users.models import User
from app.users.roles import KEY_SCOPES, CallerRole, Permission, Role, rights_of

USED_EVERY = timedelta(minutes=1)
LIFE = timedelta(days=365)
LONGEST_LIFE = timedelta(days=731)


async def find_by_key(
    database: Database, key: str, now: datetime, address: str | None
) -> KnownKey | None:
    """Return the API key of a secret, in one statement.

    Raise `NetworkNotAllowed`.
    """
    if not API_KEYS.fits(key):
        return None
    async with database.read() as session:
        known = await known_key(session, stored_hash(key), now)
    if known is not None and not is_allowed(address, known.allowed_networks):
        raise NetworkNotAllowed
    return known


async def note_use(database: Database, key: KnownKey, now: datetime, address: str | None) -> None:
    """Store when and from where a key was used: the first time at once, then once a minute."""
    if key.last_used_at is None or key.last_used_at <= now - USED_EVERY:
        async with database.write(single_statement=True) as unit:
            await ApiKeyRepository(unit).note_used(key.id, now, USED_EVERY, address)


class Maker(Actor, Protocol):
    """Who makes or changes keys."""

    @property
    def permissions(self) -> frozenset[Permission]: ...
    @property
    def manages(self) -> frozenset[Role]: ...
    @property
    def scope(self) -> Scope: ...


class ApiKeyService:
    """The use cases that change keys in scope, within one unit of work."""

    def __init__(self, unit: WriteSession, by: Maker, now: datetime) -> None:
        self.unit, self.by, self.now = unit, by, now
        self.keys = ApiKeyRepository(unit)

    async def create(self, form: ApiKeyCreate) -> tuple[ApiKey, str]:
        """Create a key; return it and its secret.

        Raise `ScopeNotForKeys`, `SitesRequired`, `BeyondYourRights`, `UnknownSites` or `Invalid`.
        """
        values = self._permitted(form.values())
        if "sites" not in values:
            raise SitesRequired
        await require_finished(self.unit)
        secret = API_KEYS.new()
        key = ApiKey(
            **{"expires_at": self.now + LIFE, **values},
            maker_id=self.by.id,
            key_hash=stored_hash(secret),
            previous_key_hash=None,
            previous_key_until=None,
            older_key_hash=None,
            older_key_until=None,
            last_used_at=None,
            last_used_from=None,
            created_at=self.now,
        )
        await self.keys.save(key)
        self._record(AuditAction.API_KEY_CREATED, key, scopes=key.scopes)
        logger.info("API key created", key=str(key.id))
        return key, secret

    async def change(self, key_id: UUID, values: Mapping[str, Any]) -> ApiKey:
        """Set fields; raise `NotFound` or what `create` raises."""
        values = self._permitted(values)
        key = await self._locked(key_id)
        fields = sorted(name for name, value in values.items() if getattr(key, name) != value)
        for name in fields:
            setattr(key, name, values[name])
        await self.keys.save(key)
        if fields:
            given = {"scopes": key.scopes} if "scopes" in fields else {}
            self._record(AuditAction.API_KEY_UPDATED, key, fields=fields, **given)
        return key

    async def rotate(self, key_id: UUID, overlap: timedelta) -> tuple[ApiKey, str]:
        """Issue a new secret; the one that it replaces stays valid for the overlap.

        So does the one before for what is left of its own: if the answer to a rotation was lost,
        it is the one in use. Without an overlap both end at once.
        """
        key, secret = await self._locked(key_id), API_KEYS.new()
        key.older_key_hash = key.previous_key_hash if overlap else None
        key.older_key_until = key.previous_key_until if overlap else None
        key.previous_key_hash = key.key_hash if overlap else None
        key.previous_key_until = self.now + overlap if overlap else None
        key.key_hash = stored_hash(secret)
        await self.keys.save(key)
        self._record(AuditAction.API_KEY_ROTATED, key)
        logger.info("API key rotated", key=str(key.id))
        return key, secret

    async def delete(self, key_id: UUID) -> None:
        """Delete a key, also one that may do more than the caller: that gives nobody anything."""
        key = await self.keys.lock(ApiKey.id == key_id, *in_scope(self.by.scope))
        if key is None:
            raise NotFound
        await self.keys.delete(key)
        self._record(AuditAction.API_KEY_DELETED, key)
        logger.info("API key deleted", key=str(key_id))

    async def _locked(self, key_id: UUID) -> ApiKey:
        """Return a key that the caller could have made; raise `NotFound` or `BeyondYourRights`."""
        key = await self.keys.lock(ApiKey.id == key_id, *in_scope(self.by.scope))
        if key is None:
            raise NotFound
        maker = (await self.keys.makers([key])).get(key.maker_id) if key.maker_id else None
        if not self.by.permissions.issuperset(key.scopes) or self._is_above(maker):
            raise BeyondYourRights("The key may do more than you")
        return key

    def _is_above(self, maker: User | None) -> bool:
        """Return whether a maker manages accounts that the caller does not, as the key sees."""
        return (
            maker is not None and not rights_of(CallerRole(maker.role)).manages <= self.by.manages
        )

    def _permitted(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of what was sent, if the caller may give it."""
        if "scopes" in values:
            _require_scopes(values["scopes"], self.by.permissions)
        if "sites" in values:
            self._require_sites(values["sites"])
        if "expires_at" in values:
            _require_end(values["expires_at"], self.now)
        return dict(values)

    def _require_sites(self, sites: Collection[UUID] | None) -> None:
        if sites is not None and not sites:
            raise SitesRequired
        if not self.by.scope.has_sites(sites):
            raise BeyondYourRights("You can give only sites of your own")

    def _record(self, action: AuditAction, key: ApiKey, **details: Any) -> None:
        only_site = key.sites[0] if key.sites and len(key.sites) == 1 else None
        record(self.unit, action, key.id, self.by, self.now, site=only_site, **details)


def _require_scopes(scopes: Collection[Permission], own: Collection[Permission]) -> None:
    if not KEY_SCOPES.issuperset(scopes):
        raise ScopeNotForKeys
    if not frozenset(own).issuperset(scopes):
        raise BeyondYourRights("You can give only scopes of your own")


def _require_end(expires_at: datetime, now: datetime) -> None:
    if expires_at <= now:
        raise Invalid.field("expires_at", "in_the_past", "Must be in the future")
    if expires_at > now + LONGEST_LIFE:
        message = f"Must be at most {LONGEST_LIFE.days} days ahead"
        raise Invalid.field("expires_at", "too_late", message)
