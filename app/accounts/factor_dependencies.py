"""Dependencies of the routes for second factors."""

from typing import Annotated

from fastapi import Depends, Header, Request

from app.accounts.passkey_service import PasskeyService
from app.accounts.second_factor_service import OwnFactors, TotpService
from app.auth.dependencies import Configured
from app.auth.factor_limits import FactorLimits
from app.auth.factor_mails import FactorMails
from app.auth.guards import resolve_caller
from app.auth.passkeys import RelyingParty
from app.core.http.dependencies import Db, Limiter, Now, Writing
from app.core.languages import Language, read_language
from app.services import services


async def _mails(request: Request) -> FactorMails:
    language = read_language(request.headers, Language.ENGLISH)
    return FactorMails(services(request).wake_outbox, language)


Mails = Annotated[FactorMails, Depends(_mails)]


async def _own(request: Request, unit: Writing, mails: Mails, now: Now) -> OwnFactors:
    return OwnFactors(unit, await resolve_caller(request), mails, now)


Own = Annotated[OwnFactors, Depends(_own)]


async def _limits(limiter: Limiter, settings: Configured) -> FactorLimits:
    return FactorLimits(limiter, settings.login_limit_per_address)


Guesses = Annotated[FactorLimits, Depends(_limits)]


async def _totp(request: Request, own: Own, limits: Guesses) -> TotpService:
    return TotpService(own, services(request).totp_secrets, limits)


async def _passkeys(own: Own, database: Db, settings: Configured) -> PasskeyService:
    return PasskeyService(own, RelyingParty.of(settings.passkey_rp_id, settings.pages), database)


Totp = Annotated[TotpService, Depends(_totp)]
Passkeys = Annotated[PasskeyService, Depends(_passkeys)]
Origin = Annotated[str | None, Header(include_in_schema=False)]
