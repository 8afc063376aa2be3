"""Checks second factors."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.auth import metrics
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_codes import is_totp_code, recovery_hash, used_step, without_spaces
from app.auth.factor_mails import FactorMails
from app.auth.factor_models import FactorMethod
from app.auth.factor_repository import (
    ChallengeRepository,
    PasskeyRepository,
    RecoveryCodeRepository,
    TotpRepository,
)
from app.auth.models import AccountAction
from app.auth.passkeys import PasskeyRefused, RelyingParty, read_sign_in
from app.core.db.database import WriteSession
from app.core.observability.logging import logger
from app.core.security.encryption import Encryption, UnreadableSecret
from app.core.security.random_secrets import stored_hash
from app.notifications.payloads import FactorChange
from app.users.models import User

CHALLENGE_BYTES = 32
CHALLENGE_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a user shows as second factor: a code or the answer of a passkey."""

    code: str | None = None
    credential: dict[str, Any] | None = None


async def new_challenge(unit: WriteSession, user_id: UUID | None, now: datetime) -> bytes:
    """Return a new challenge; `user_id` is set to register a passkey, and null to sign in."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    await ChallengeRepository(unit).store(
        stored_hash(challenge), user_id, now, until=now + CHALLENGE_LIFETIME
    )
    return challenge


async def take_challenge(
    unit: WriteSession, challenge: bytes, user_id: UUID | None, now: datetime
) -> bool:
    """Return whether a challenge is valid, and use it up in any case."""
    return await ChallengeRepository(unit).use_up(stored_hash(challenge), user_id, now)


@dataclass(frozen=True, slots=True)
class FactorChecker:
    """Checks codes and passkeys of locked accounts; what is accepted is used up."""

    totp_secrets: Encryption
    relying_party: RelyingParty
    mails: FactorMails
    now: datetime

    async def accepts(self, unit: WriteSession, user: User, proof: Proof) -> FactorMethod | None:
        """Return which factor was shown, or None. The unit must be committed in either case."""
        shown = await self._shown(unit, user, proof)
        (metrics.FACTOR_FAILED if shown is None else metrics.FACTOR_PASSED).inc()
        return shown

    async def _shown(self, unit: WriteSession, user: User, proof: Proof) -> FactorMethod | None:
        if proof.credential is not None:
            fits = await self._accepts_passkey(unit, user, proof.credential)
            return FactorMethod.PASSKEY if fits else None
        code = without_spaces(proof.code or "")
        if is_totp_code(code):
            return FactorMethod.TOTP if await self._accepts_totp(unit, user.id, code) else None
        fits = await self._accepts_recovery_code(unit, user, code)
        return FactorMethod.RECOVERY_CODE if fits else None

    async def _accepts_passkey(
        self, unit: WriteSession, user: User, credential: dict[str, Any]
    ) -> bool:
        """Return whether it is a passkey of the account with a challenge that is still open."""
        try:
            answer = read_sign_in(credential)
        except PasskeyRefused:
            return False
        is_open = await take_challenge(unit, answer.challenge, None, self.now)
        passkey = await PasskeyRepository(unit).lock_credential(user.id, answer.credential_id)
        if not is_open or passkey is None or answer.owner not in {None, user.id.bytes}:
            return False
        try:
            verified = self.relying_party.verify_sign_in(
                credential, answer.challenge, passkey.public_key, passkey.sign_count
            )
        except PasskeyRefused:
            return False
        passkey.sign_count, passkey.last_used_at = verified.new_sign_count, self.now
        return True

    async def _accepts_totp(self, unit: WriteSession, user_id: UUID, code: str) -> bool:
        factor = await TotpRepository(unit).of(user_id, confirmed=True)
        if factor is None:
            return False
        try:
            secret = self.totp_secrets.decrypt(factor.secret)
        except UnreadableSecret:
            logger.error("a TOTP secret cannot be read: see `vms doctor`")
            return False
        step = used_step(secret, code, factor.last_step, self.now)
        if step is not None:
            factor.last_step = step
        return step is not None

    async def _accepts_recovery_code(self, unit: WriteSession, user: User, code: str) -> bool:
        if not await RecoveryCodeRepository(unit).use_up(user.id, recovery_hash(code)):
            return False
        audit_log = AccountEventRepository(unit, self.now)
        audit_log.record(AccountAction.RECOVERY_CODE_USED, user.id, by=user.id)
        self.mails.tell(unit, user, FactorChange.RECOVERY_CODE_USED, self.now)
        return True
