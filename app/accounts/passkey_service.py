"""Register, rename and remove the caller's passkeys."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webauthn.registration.verify_registration_response import VerifiedRegistration

from app.accounts.second_factor_service import OwnFactors
from app.auth.errors import TooManyPasskeys
from app.auth.factor_models import FactorMethod, Passkey
from app.auth.factor_repository import PasskeyRepository
from app.auth.factor_service import new_challenge, take_challenge
from app.auth.models import AccountAction
from app.auth.passkeys import PasskeyRefused, RelyingParty, read_registration
from app.core.db.database import Database
from app.core.db.rollout import require_finished
from app.core.errors import Invalid, NotFound
from app.notifications.payloads import FactorChange
from app.users.models import User

MOST_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class PasskeyService:
    own: OwnFactors
    relying_party: RelyingParty
    database: Database

    async def options(self, origin: str | None) -> dict[str, Any]:
        """Return the options of a new passkey.

        Raise `PasskeysNotOffered`, `TooManyPasskeys` or `UpdateUnderWay`.
        """
        self.relying_party.require_offered(origin)
        await require_finished(self.own.unit)
        user = await self.own.lock_owner()
        known = await self._known(user)
        challenge = await new_challenge(self.own.unit, user.id, self.own.now)
        return self.relying_party.registration_options(
            user.id, user.email, user.name, challenge, known
        )

    async def register(self, name: str, credential: dict[str, Any]) -> Passkey:
        """Store a new passkey.

        Raise `Invalid`, `PasskeyKnown`, `TooManyPasskeys` or `UpdateUnderWay`.
        """
        verified = await self._verified(credential)
        user = await self.own.lock_owner()
        await self._known(user)
        await self.own.end_sessions_without_factor(user)
        passkey = Passkey(
            user_id=user.id,
            name=name,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            created_at=self.own.now,
        )
        await PasskeyRepository(self.own.unit).save(passkey)
        self._tell(user, AccountAction.SECOND_FACTOR_ADDED, FactorChange.PASSKEY_ADDED)
        return passkey

    async def rename(self, passkey_id: UUID, name: str) -> Passkey:
        """Rename a passkey of the caller; raise `NotFound`."""
        user = await self.own.lock_owner()
        passkey = await PasskeyRepository(self.own.unit).lock_own(user.id, passkey_id)
        if passkey is None:
            raise NotFound
        passkey.name = name
        return passkey

    async def remove(self, passkey_id: UUID) -> None:
        """Remove a passkey of the caller; raise `NotFound`."""
        user, passkeys = await self.own.lock_owner(), PasskeyRepository(self.own.unit)
        passkey = await passkeys.lock_own(user.id, passkey_id)
        if passkey is None:
            raise NotFound
        await passkeys.delete(passkey)
        await self.own.drop_useless_codes(user)
        self._tell(user, AccountAction.SECOND_FACTOR_REMOVED, FactorChange.PASSKEY_REMOVED)

    async def _known(self, user: User) -> list[bytes]:
        held = await PasskeyRepository(self.own.unit).of(user.id)
        if len(held) >= MOST_PASSKEYS:
            raise TooManyPasskeys
        return [passkey.credential_id for passkey in held]

    async def _verified(self, credential: dict[str, Any]) -> VerifiedRegistration:
        """Check a credential and use up its challenge, in a unit that commits in any case."""
        try:
            async with self.database.write() as unit:
                await require_finished(unit)
                answer = read_registration(credential)
                is_open = await take_challenge(
                    unit, answer.challenge, self.own.user_id, self.own.now
                )
            if not is_open:
                raise PasskeyRefused
            return self.relying_party.verify_registration(credential, answer.challenge)
        except PasskeyRefused:
            message = "The passkey is not accepted: request new options and try again"
            raise Invalid.field("credential", "invalid_credential", message) from None

    def _tell(self, user: User, action: AccountAction, change: FactorChange) -> None:
        self.own.tell(user, action, change, factor=FactorMethod.PASSKEY.value)
