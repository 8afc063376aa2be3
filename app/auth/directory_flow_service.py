"""A sign-in by directory, from the start to the code that the page redeems."""

import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from uuid import UUID

import httpx2

from app.auth.directory_errors import DirectoryFault, DirectoryRefused, InvalidDirectoryCode
from app.auth.directory_identity import Identity, identity_of, lacks
from app.auth.directory_link_service import fault_of
from app.auth.directory_models import IDENTITIES, VERIFIERS, DirectoryCode, DirectoryFlow
from app.auth.directory_repository import (
    DirectoryCodeRepository,
    DirectoryFlowRepository,
    DirectoryLinkReader,
)
from app.auth.event_repository import record_alone
from app.auth.models import AccountAction
from app.core.clock import Clock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.core.observability.logging import logger
from app.core.security.encryption import Encryption, UnreadableSecret
from app.core.security.openid import (
    LEEWAY_SECONDS,
    Client,
    OpenIdProvider,
    ProviderRefused,
    ProviderUnavailable,
    TokenRefused,
)
from app.core.security.random_secrets import stored_hash
from app.settings import Settings
from app.users.repository import UserReader

FLOW_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(seconds=60)
# How long the page has to open the address of a confirmation.
ADDRESS_LIFETIME = timedelta(seconds=60)
SECRET_BYTES = 32
COOKIE = "vms-directory-"
CALLBACK = "/api/auth/oidc/callback/"
START = "/api/auth/oidc/start/"
RECEPTION = "/reception/"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def directory_provider(
    settings: Settings, clock: Clock, http: httpx2.AsyncClient | None = None
) -> OpenIdProvider | None:
    """Return the client of the company's directory, if there is one."""
    if settings.oidc_issuer is None:
        return None
    client = Client(
        issuer=settings.oidc_issuer,
        id=settings.oidc_client_id,
        secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.service_url}{CALLBACK}",
    )
    return OpenIdProvider(client, clock, http)


@dataclass(frozen=True, slots=True)
class DirectorySecrets:
    """Encryption of what flows and codes keep for a while."""

    verifiers: Encryption
    identities: Encryption
    confirmations: Encryption

    @classmethod
    def of(cls, ring: KeyRing) -> "DirectorySecrets":
        purposes = (VERIFIERS, IDENTITIES, "directory confirmation")
        return cls(*(Encryption(ring, purpose) for purpose in purposes))


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page wants: where to go afterwards, its challenge, and a session to confirm."""

    return_to: str
    challenge: str
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The address to go to, and the cookie that binds the flow to the browser."""

    url: str
    cookie: str
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The parameters with which the directory sends the browser back."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Who has signed in, and the session that this confirms, if any."""

    identity: Identity
    session_id: UUID | None


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(stored_hash(verifier)).rstrip(b"=").decode()


def cookie_of(state: str) -> str:
    """Return the name of a flow's cookie: each has its own, so that two tabs can sign in."""
    return COOKIE + stored_hash(state).hex()[:16]


@dataclass(frozen=True, slots=True)
class DirectoryFlows:
    """Sends browsers to the directory and takes its answers.

    No connection is held while the directory is asked.
    """

    database: Database
    provider: OpenIdProvider
    secrets: DirectorySecrets
    settings: Settings
    now: datetime

    async def open(self, wish: Wish) -> Begun:
        """Begin a flow; raise `ProviderUnavailable`."""
        state, nonce, browser, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(4))
        fresh = {"max_age": "0"} if wish.session_id else {}
        url = await self.provider.sign_in_url(
            scope=self.settings.oidc_scopes,
            state=state,
            nonce=nonce,
            code_challenge=challenge_of(verifier),
            **fresh,
        )
        async with self.database.write() as unit:
            DirectoryFlowRepository(unit).add(
                DirectoryFlow(
                    state_hash=stored_hash(state),
                    browser_hash=stored_hash(browser),
                    nonce_hash=stored_hash(nonce),
                    verifier=self.secrets.verifiers.encrypt(verifier),
                    challenge=wish.challenge,
                    return_to=wish.return_to,
                    session_id=wish.session_id,
                    created_at=self.now,
                    expires_at=self.now + FLOW_LIFETIME,
                    used_at=None,
                )
            )
        return Begun(url, cookie_of(state), browser)

    async def finish(self, answer: Answer, cookies: Mapping[str, str]) -> str:
        """Take the directory's answer; return the address to send the browser to."""
        flow, is_own = await self._take(answer.state, cookies)
        root, errors = self._pages(flow)
        try:
            if flow is None or not is_own:
                raise DirectoryRefused(DirectoryFault.STATE_INVALID)
            code = await self._code(flow, answer)
        except DirectoryRefused as refused:
            return f"{root}{errors}#error={refused.fault.value}"
        return f"{root}{flow.return_to}#code={code}"

    def _pages(self, flow: DirectoryFlow | None) -> tuple[str, str]:
        """Return the address that `return_to` continues, and the path that is told of errors."""
        if flow is not None and flow.return_to.startswith(RECEPTION):
            return self.settings.service_url, RECEPTION
        return self.settings.frontend_url, "/"

    async def _take(
        self, state: str | None, cookies: Mapping[str, str]
    ) -> tuple[DirectoryFlow | None, bool]:
        """Use up the flow of a state; return it, and whether it is this browser's and still good.

        A used one is kept until it expires, to know which page to tell.
        """
        if state is None:
            return None, False
        browser = cookies.get(cookie_of(state), "")
        async with self.database.write() as unit:
            flow = await DirectoryFlowRepository(unit).lock_by_state(stored_hash(state))
            if flow is None or not compare_digest(flow.browser_hash, stored_hash(browser)):
                return flow, False
            is_good = flow.used_at is None and self.now < flow.expires_at
            flow.used_at = flow.used_at or self.now
            return flow, is_good

    async def _code(self, flow: DirectoryFlow, answer: Answer) -> str:
        """Return a code for the page; raise `DirectoryRefused`."""
        try:
            identity = await self._identity(flow, answer)
        except TokenRefused as refused:
            logger.warning("answer of the directory refused", reason=str(refused))
            raise DirectoryRefused(DirectoryFault.TOKEN_INVALID) from refused
        except ProviderRefused as refused:
            logger.warning("the directory refused a sign-in", reason=str(refused))
            raise DirectoryRefused(DirectoryFault.PROVIDER_REFUSED) from refused
        except ProviderUnavailable as failure:
            logger.warning("the directory does not answer", reason=str(failure))
            raise DirectoryRefused(DirectoryFault.PROVIDER_UNAVAILABLE) from failure
        await self._judge(identity)
        return await self._keep(flow, identity)

    async def _identity(self, flow: DirectoryFlow, answer: Answer) -> Identity:
        await self.provider.require_own_answer(answer.issuer)
        if answer.error is not None or not answer.code:
            raise ProviderRefused(answer.error)
        try:
            verifier = self.secrets.verifiers.decrypt(flow.verifier)
        except UnreadableSecret:
            raise DirectoryRefused(DirectoryFault.STATE_INVALID) from None
        tokens = await self.provider.redeem(answer.code, verifier)
        claims = await self.provider.claims(tokens.id_token)
        self._check_binding(flow, claims)
        said: dict[str, Any] = {}
        if lacks(claims, self.settings.oidc_role_claim):
            said = await self.provider.userinfo(tokens.access_token, claims["sub"])
        return identity_of(
            claims,
            said,
            role_claim=self.settings.oidc_role_claim,
            known_groups=self.settings.oidc_role_map.keys(),
            trust_email=self.settings.oidc_trust_email,
            trust_mfa=self.settings.oidc_trust_mfa,
        )

    def _check_binding(self, flow: DirectoryFlow, claims: Mapping[str, Any]) -> None:
        """Raise `TokenRefused` unless the token is of this flow, and fresh where that matters."""
        nonce = str(claims.get("nonce"))
        if not nonce.isascii() or not compare_digest(stored_hash(nonce), flow.nonce_hash):
            raise TokenRefused("the nonce is of another sign-in")
        if flow.session_id is None:
            return
        signed_in = claims.get("auth_time")
        begun = flow.created_at.timestamp() - LEEWAY_SECONDS
        if not isinstance(signed_in, int | float) or signed_in < begun:
            raise TokenRefused("the sign-in at the directory is not a new one")

    async def _judge(self, identity: Identity) -> None:
        """Raise `DirectoryRefused` if the person may not sign in."""
        async with self.database.read() as session:
            links = DirectoryLinkReader(session)
            found = await UserReader(session).by_email(identity.email) if identity.email else None
            is_taken = found is not None and await links.is_linked(found.id)
            # Last, to see the link that a concurrent sign-in of the same person has made.
            linked = await links.user_of(identity.issuer, identity.subject)
        user = linked or found
        fault = fault_of(
            identity,
            user,
            is_theirs=linked is not None,
            is_taken=is_taken and linked is None,
            domains=self.settings.oidc_domains,
        )
        if fault is not None:
            account = user.id if user else None
            await record_alone(self.database, self.now, AccountAction.SIGN_IN_FAILED, account)
            raise DirectoryRefused(fault)

    async def _keep(self, flow: DirectoryFlow, identity: Identity) -> str:
        code = secrets.token_urlsafe(SECRET_BYTES)
        document = json.dumps(identity.document())
        async with self.database.write() as unit:
            DirectoryCodeRepository(unit).add(
                DirectoryCode(
                    code_hash=stored_hash(code),
                    challenge=flow.challenge,
                    identity=self.secrets.identities.encrypt(document),
                    session_id=flow.session_id,
                    created_at=self.now,
                    expires_at=self.now + CODE_LIFETIME,
                )
            )
        return code

    async def redeem(self, code: str, verifier: str) -> Redeemed:
        """Use up a code; raise `InvalidDirectoryCode` unless the verifier is the page's."""
        async with self.database.write() as unit:
            found = await DirectoryCodeRepository(unit).take(stored_hash(code))
        if found is None or self.now >= found.expires_at:
            raise InvalidDirectoryCode
        fits = VERIFIER.fullmatch(verifier) and compare_digest(
            challenge_of(verifier), found.challenge
        )
        if not fits:
            raise InvalidDirectoryCode
        try:
            document = self.secrets.identities.decrypt(found.identity)
        except UnreadableSecret:
            raise InvalidDirectoryCode from None
        return Redeemed(Identity(**json.loads(document)), found.session_id)

    def confirmation_address(self, wish: Wish) -> str:
        """Return the address that begins a confirmation.

        It is ours and not the directory's, since only a navigation can set the cookie for a page
        of another origin.
        """
        until = (self.now + ADDRESS_LIFETIME).timestamp()
        said = [wish.return_to, wish.challenge, str(wish.session_id), until]
        ticket = self.secrets.confirmations.encrypt(json.dumps(said)).decode()
        return f"{self.settings.service_url}{START}?ticket={ticket}"

    def read_ticket(self, ticket: str) -> Wish | None:
        """Return what a confirmation was begun with, for a minute."""
        try:
            said = json.loads(self.secrets.confirmations.decrypt(ticket.encode()))
        except UnreadableSecret:
            return None
        return_to, challenge, session_id, until = said
        if self.now.timestamp() >= until:
            return None
        return Wish(return_to, challenge, UUID(session_id))
