"""Assemble the application."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import APIRouter, FastAPI

from app import __version__
from app.accounts import delegates_router as delegates
from app.accounts import passkey_router as passkeys
from app.accounts import router as accounts
from app.accounts import second_factor_router as second_factors
from app.accounts import user_sessions_router as user_sessions
from app.accounts import users_router as users
from app.api_docs import document, info, pages, security_txt
from app.api_docs import webhooks as messages
from app.api_keys import router as api_keys
from app.audit import router as audit
from app.auth import directory_router as directory
from app.auth import events_router as account_events
from app.auth import router as auth
from app.auth import sessions_router as sessions
from app.auth import sign_in_router as sign_ins
from app.auth.directory_flow_service import directory_provider
from app.auth.directory_link_service import warn_of_unknown_sites
from app.auth.factor_models import TOTP_SECRETS
from app.badges import router as badges
from app.bulk import router as bulk
from app.core.clock import Clock, SystemClock
from app.core.db.database import Database
from app.core.db.recent_writers import RecentWriters
from app.core.http import error_handlers
from app.core.http.client_address import ProxyTrust
from app.core.http.cors import CorsMiddleware
from app.core.http.crowds import CrowdMiddleware
from app.core.http.export import AT_ONCE
from app.core.http.known_addresses import KnownAddressMiddleware
from app.core.http.limits import Lots, RateLimiter
from app.core.http.middleware import (
    ErrorBoundaryMiddleware,
    RequestContextMiddleware,
    SecurityHeadersMiddleware,
    TrailingSlashMiddleware,
)
from app.core.http.pagination import CursorCodec
from app.core.http.transport import BodyMiddleware, SaneRequestMiddleware
from app.core.jobs import DRAIN_OUTBOX, TELL_OF_SITE_CHANGES, Waker, connect
from app.core.leaving import LeavingMiddleware, noting_the_end
from app.core.places import BatchTurns, Places
from app.core.security.encryption import Encryption
from app.core.security.passwords import PasswordHasher
from app.core.security.qr_token import QrTokens
from app.core.security.tokens import Lifetimes, SessionTokens
from app.departments import router as departments
from app.desk import router as desk
from app.devices import router as devices
from app.events import router as events
from app.groups import router as groups
from app.health import router as health
from app.meta import router as meta
from app.musters import link_router as muster_links
from app.musters import router as musters
from app.musters import warden_router as wardens
from app.notifications import router as notifications
from app.passes import router as passes
from app.passes.middleware import ProblemPagesMiddleware
from app.reception_page import router as reception
from app.reports import muster_router as muster_reports
from app.reports import personal_data_router as personal_data
from app.reports import router as reports
from app.scanner_page import router as scanner
from app.scans import by_hand_router as scans_by_hand
from app.scans import check_out_all_router as check_out_all
from app.scans import ledger_router as scan_ledger
from app.scans import router as scans
from app.scans import undo_router as undoing
from app.scans import walk_in_router as walk_ins
from app.settings import Settings
from app.sites import logo_router as logos
from app.sites import router as sites
from app.slots import router as slots
from app.slots import rules_router as site_rules
from app.start_page import router as start_page
from app.streams import router as streams
from app.streams.dependencies import AllServices
from app.streams.hub_service import Hub
from app.visitors import closures_router as closures
from app.visitors import hand_over_router as handing_over
from app.visitors import router as visitors
from app.visitors import sites_router as site_changes
from app.visitors import suggestions_router as suggestions
from app.warden_page import router as warden_page
from app.webhooks import router as webhooks
from app.webhooks.models import WEBHOOK_SECRETS

# Matched in order, so the most frequent are first.
ROUTERS: Sequence[APIRouter] = (
    scans.router,
    scans_by_hand.router,
    visitors.router,
    suggestions.router,
    walk_ins.router,
    undoing.router,
    slots.router,
    reports.router,
    desk.router,
    auth.router,
    sign_ins.router,
    passes.router,
    health.router,
    meta.router,
    scan_ledger.router,
    personal_data.router,
    groups.router,
    notifications.router,
    accounts.router,
    directory.router,
    directory.lenient,
    directory.links,
    second_factors.router,
    passkeys.router,
    users.router,
    user_sessions.router,
    delegates.router,
    handing_over.router,
    sessions.router,
    account_events.router,
    audit.router,
    events.router,
    streams.router,
    departments.router,
    devices.router,
    api_keys.router,
    sites.router,
    logos.router,
    badges.router,
    site_changes.router,
    site_rules.router,
    closures.router,
    check_out_all.router,
    musters.marks_router,
    musters.router,
    muster_links.router,
    muster_reports.router,
    wardens.router,
    wardens.marks_router,
    warden_page.router,
    webhooks.router,
)

# Exposed to scripts of other origins.
EXPOSED_HEADERS = (
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Affected-Visitors",
    "X-Request-ID",
)
UPLOAD_PATH = "/api/visitors/bulk-upload/"


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """Create the application; `clock` is for tests."""
    app = FastAPI(
        title="Visitor management",
        version=__version__,
        summary="Invitations with QR codes, hourly capacity, and fast checks at the gate",
        description=info.INTRODUCTION,
        contact=info.CONTACT,
        servers=info.SERVERS,
        openapi_tags=info.TAGS,
        lifespan=_lifespan,
        redirect_slashes=False,
        openapi_url=None,  # served by `document`
        docs_url=None,  # replaced by `pages`
        redoc_url=None,
        # Tracing is per process, metrics are Prometheus's, and FastAPI's log would quote user
        # input.
        telemetry={"auto_configure": False, "metrics": False, "logs": False},
    )
    app.state = _services(settings, clock or SystemClock())
    error_handlers.install(app)
    pages.install(app)
    security_txt.install(app, settings)
    if settings.serves_scanner_page:
        scanner.install(app)
    if settings.reception_page:
        reception.install(app)
    warden_page.install(app)
    start_page.install(app, settings)
    for router in (_uploads(), *ROUTERS):
        app.include_router(router)
    messages.install(app)
    document.install(app, settings)
    _add_middleware(app, settings)
    return app


def _uploads() -> APIRouter:
    router = APIRouter(form_limits={"max_files": 1, "max_fields": 20})
    router.include_router(bulk.router)
    return router


def _services(settings: Settings, clock: Clock) -> AllServices:
    """Return the resources that need no connection."""
    ring, ours = settings.key_ring, AllServices()
    ours.settings = settings
    ours.clock = clock
    ours.export_places = Places(AT_ONCE)
    ours.batch_turns = BatchTurns()
    ours.tokens = SessionTokens(
        ring,
        Lifetimes(
            access=timedelta(minutes=settings.access_token_minutes),
            refresh=timedelta(days=settings.refresh_token_days),
            session=timedelta(days=settings.session_days),
            directory=timedelta(hours=settings.oidc_session_hours),
        ),
    )
    ours.totp_secrets = Encryption(ring, TOTP_SECRETS)
    ours.webhook_secrets = Encryption(ring, WEBHOOK_SECRETS)
    ours.qr_tokens = QrTokens(ring)
    ours.cursor_codec = CursorCodec(ring)
    ours.repeat_key = ring.keys("repeated body")[0]
    ours.hasher = PasswordHasher(settings.bcrypt_rounds)
    ours.directory = directory_provider(settings, ours.clock)
    return ours


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    ours: AllServices = app.state  # type: ignore[assignment] # set by create_app
    settings = ours.settings
    ours.redis = connect(settings.redis_url)
    ours.database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        replica_url=settings.database_replica_url,
        recent_writers=RecentWriters(ours.redis) if settings.database_replica_url else None,
    )
    ours.wake_outbox = Waker(ours.redis, DRAIN_OUTBOX)
    ours.wake_site_changes = Waker(ours.redis, TELL_OF_SITE_CHANGES)
    ours.limiter = RateLimiter(settings.redis_url, settings.key_ring)
    ours.lots = Lots(ours.limiter)
    ours.hub = Hub(ours.database, ours.clock, ours.redis, settings.event_streams_per_account)
    try:
        await warn_of_unknown_sites(ours.database, settings.oidc_role_map)
        async with ours.database.monitor.running(), ours.hub.running():
            with noting_the_end():
                yield
    finally:
        await _close(ours)


async def _close(ours: AllServices) -> None:
    await ours.limiter.close()
    if ours.directory is not None:
        await ours.directory.close()
    await ours.wake_outbox.close()
    await ours.wake_site_changes.close()
    # It does not own its pool.
    await ours.redis.aclose(close_connection_pool=True)
    await ours.database.close()


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middleware, the outermost last."""
    app.add_middleware(KnownAddressMiddleware, routes=app.routes)
    # Inside `BodyMiddleware`, which limits the body it waits for.
    app.add_middleware(CrowdMiddleware, paths=auth.GUESSED_AT)
    app.add_middleware(
        BodyMiddleware,
        seconds=settings.body_timeout_seconds,
        limit=settings.max_body_bytes,
        limits={
            # the file and its form
            UPLOAD_PATH: settings.bulk_upload_max_bytes + settings.max_body_bytes,
            logos.PATH: logos.MOST_BYTES,
            groups.PATH: max(groups.MOST_BYTES, settings.max_body_bytes),
            scan_ledger.PATH: max(scan_ledger.MOST_BYTES, settings.max_body_bytes),
            musters.MARKS_PATH: max(musters.MOST_BYTES, settings.max_body_bytes),
            wardens.MARKS_PATH: max(musters.MOST_BYTES, settings.max_body_bytes),
        },
    )
    app.add_middleware(TrailingSlashMiddleware)
    app.add_middleware(
        SaneRequestMiddleware,
        allowed_hosts=settings.allowed_hosts or ["*"],
        loopback_only=settings.debug,
    )
    app.add_middleware(ErrorBoundaryMiddleware)
    if settings.cors_allowed_origins:
        app.add_middleware(
            CorsMiddleware,
            allow_origins=settings.cors_allowed_origins,
            allow_methods=["*"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
                "X-Device-Key",
                "X-Request-ID",
            ],
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )
    trust = ProxyTrust(settings.trusted_proxies, settings.proxy_header)
    app.add_middleware(RequestContextMiddleware, trust=trust)
    app.add_middleware(ProblemPagesMiddleware, prefix=passes.PREFIX)
    app.add_middleware(SecurityHeadersMiddleware)
    app.add_middleware(LeavingMiddleware)
