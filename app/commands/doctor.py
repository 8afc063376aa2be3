import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import metadata
from urllib.parse import urlsplit

import aiosmtplib
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select

from app import migrations
from app.api_keys.repository import ApiKeyReader
from app.audit.chain import Signer
from app.audit.chain_service import waiting_since
from app.audit.verification_service import verify
from app.auth.directory_flow_service import directory_provider
from app.auth.directory_repository import site_names
from app.auth.directory_roles import unknown_sites
from app.auth.passkeys import RelyingParty, unfitting
from app.commands.reasons import MIGRATE, reason_of
from app.core.clock import SystemClock
from app.core.db.database import Database
from app.core.db.engine import missing_limits
from app.core.db.errors import OUTAGES
from app.core.localtime import local_now
from app.core.loopback import is_loopback
from app.core.security.openid import ProviderUnavailable
from app.core.security.renewal import count_secrets
from app.events.repository import EventReader
from app.health.repository import OutboxReader
from app.settings import Settings
from app.sites.repository import SiteReader
from app.tables import metadata as tables
from app.users import account_service as accounts
from app.users.models import Role

PART_SECONDS = 10.0
OLDEST_POSTGRESQL = 15
# With a larger difference, tokens of one machine are invalid on another.
CLOCK_TOLERANCE = timedelta(seconds=5)
# A running worker chains entries and numbers events within a second.
CHAIN_TOLERANCE = timedelta(minutes=1)
# Before an API key expires.
KEY_NOTICE = timedelta(days=14)
# A running worker sends mail within seconds.
MAIL_TOLERANCE = timedelta(minutes=5)
ZONE_WEEKS = 104
TZDATA = metadata.version("tzdata")
ZONE_ADVICE = f"Visits use tzdata {TZDATA}, SQL uses PostgreSQL's rules. Update the older one."

POSTGRESQL = "PostgreSQL"
FINISH = "Run `vms migrate --finish` when every process runs this version."
LOST_KEY = (
    "Set SECRET_KEY_PREVIOUS to the former key, then run `vms migrate`. If it is lost: `vms"
    " reset-second-factor`."
)
START_WORKER = "Start `vms worker`, or check its log."
CHECK_DATABASE = "Check DATABASE_URL, and that the server is running and reachable."
# Used in `.env.example` and deploy/compose.env.example.
EXAMPLE = "example.com"
NAMES = (
    "allowed_hosts",
    "cors_allowed_origins",
    "frontend_url",
    "public_url",
    "email_host",
    "email_host_user",
    "default_from_email",
)


class Health(StrEnum):
    """The state of a part; with a `warning` requests are still served."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


# Parts without which requests are still served.
WITHOUT = {
    "redis": (Health.WARNING, "Check REDIS_URL. Mail and limits work without it, less well."),
    "directory": (Health.WARNING, "Check OIDC_ISSUER. Passwords work without the directory."),
    "smtp": (Health.WARNING, "Check the EMAIL_… settings. Mail is retried for a day."),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for a part; `advice` is empty if nothing needs to be done."""

    part: str
    health: Health
    says: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Check all parts concurrently; each takes at most `PART_SECONDS`."""
    return asyncio.run(_examine(settings))


def report(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.health.value:8} {finding.part:11} {finding.says}")
        if finding.advice:
            lines.append(f"{'':20} → {finding.advice}")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2)


def before_update(loaded: Settings | Sequence[str]) -> list[Finding]:
    """Return the settings of the previous release that this one refuses.

    `loaded` is the settings, or the reasons why they are invalid.
    """
    if not isinstance(loaded, Settings):
        advice = "Fix this before you update."
        return [Finding("settings", Health.FAULT, sentence, advice) for sentence in loaded]
    if loaded.debug:
        says = "DEBUG=true is refused on addresses that other machines can reach"
        return [Finding("settings", Health.WARNING, says, "Unset DEBUG, or serve on 127.0.0.1.")]
    return [Finding("settings", Health.OK, "this release accepts all of them")]


LAST = ("time zones", "mail", "secrets", "api keys", "audit log")
# Takes as long as the log is.
UNLIMITED = {"audit log"}

Look = Callable[[Settings], Awaitable[Finding]]


async def _examine(settings: Settings) -> list[Finding]:
    """Run the checks, skipping those that need the database or its migrations."""
    database, redis, smtp, *directory = await asyncio.gather(
        _look("database", _database, settings),
        _look("redis", _redis, settings),
        _look("smtp", _smtp, settings),
        *([_look("directory", _directory, settings)] if settings.has_directory else []),
    )
    if _is_away(database):
        parts = ("migrations", "clock", *LAST)
        behind = [_waiting(part, "the database") for part in parts]
        return [*_settings(settings), database, redis, smtp, *directory, *behind]
    migrations, clock = await asyncio.gather(
        _look("migrations", _migrations, settings), _look("clock", _clock, settings)
    )
    first = [*_settings(settings), database, migrations, clock, redis, smtp, *directory]
    if migrations.health is Health.FAULT:
        return first + [_waiting(part, "the migration") for part in LAST]
    looks = [
        ("time zones", _zones),
        ("mail", _mail),
        ("secrets", _secrets),
        ("api keys", _api_keys),
        ("audit log", _audit_log),
        ("events", _events),
    ]
    if settings.oidc_role_map:
        looks.append(("role map", _role_map))
    if not settings.debug:
        looks.append(("accounts", _accounts))
    return first + await asyncio.gather(*(_look(part, look, settings) for part, look in looks))


async def _audit_log(settings: Settings) -> Finding:
    """Verify the whole log, however long that takes."""
    database, part = Database(settings.database_url), "audit log"
    try:
        waiting = await waiting_since(database)
        verdict = await verify(database, Signer(settings.key_ring))
    finally:
        await database.close()
    if not verdict.is_sound:
        says = "; ".join(verdict.faults[:3])
        return Finding(part, Health.FAULT, says, "Run `vms audit verify`, and find out who did it.")
    if waiting and datetime.now(UTC) - waiting > CHAIN_TOLERANCE:
        says = f"entries have waited to be chained since {waiting:%Y-%m-%d %H:%M} UTC"
        return Finding(part, Health.FAULT, says, START_WORKER)
    says = f"{verdict.entries} entries, head {verdict.end}"
    return Finding(part, Health.OK, says)


async def _events(settings: Settings) -> Finding:
    """Look for events that nobody numbers: the feed, the stream and webhooks wait for them."""
    database, part = Database(settings.database_url), "events"
    try:
        async with database.read() as session:
            reader = EventReader(session)
            waiting, head = await reader.waiting_since(), await reader.head()
    finally:
        await database.close()
    if waiting and datetime.now(UTC) - waiting > CHAIN_TOLERANCE:
        says = f"events have waited for their numbers since {waiting:%Y-%m-%d %H:%M} UTC"
        return Finding(part, Health.FAULT, says, START_WORKER)
    return Finding(part, Health.OK, f"the newest has the number {head}")


def _is_away(database: Finding) -> bool:
    return database.health is Health.FAULT and not database.says.startswith(POSTGRESQL)


def _waiting(part: str, for_what: str) -> Finding:
    return Finding(part, Health.WARNING, f"not checked: waiting for {for_what}")


async def _look(part: str, look: Look, settings: Settings) -> Finding:
    health, advice = WITHOUT.get(part, (Health.FAULT, CHECK_DATABASE))
    try:
        async with asyncio.timeout(None if part in UNLIMITED else PART_SECONDS):
            return await look(settings)
    except TimeoutError:
        return Finding(part, health, f"did not answer within {PART_SECONDS:.0f} seconds", advice)
    except (RedisError, aiosmtplib.SMTPException) as error:
        return Finding(part, health, _said(error), advice)
    except OUTAGES as error:
        reason = None if part in WITHOUT else reason_of(error)
        if reason is None:
            return Finding(part, health, _said(error), advice)
        return Finding(part, health, reason.says, reason.advice)


def _said(error: Exception) -> str:
    """Return the first line of an error; further lines may quote data."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _settings(settings: Settings) -> list[Finding]:
    """Return settings that are valid but probably unintended."""
    doubts = (*_doubts(settings), *_doubts_of_factors(settings))
    found = [Finding("settings", Health.WARNING, *each) for each in doubts]
    return found or [Finding("settings", Health.OK, "fit for production")]


def _doubts(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.debug:
        yield "development mode (DEBUG=true)", "Do not expose this to a network."
        return
    if left := [name for name in NAMES if EXAMPLE in str(getattr(settings, name))]:
        names = ", ".join(name.upper() for name in left)
        yield f"{names}: still the example's values", "Use your own names and addresses."
    if "frontend_url" not in settings.model_fields_set:
        says = "FRONTEND_URL is not set: links in mails do not work"
        yield says, "Set it to the URL of your front end."
    if settings.email_tls == "none" and not is_loopback(settings.email_host):
        says = "EMAIL_USE_TLS and EMAIL_USE_SSL are off: mail is sent unencrypted"
        yield says, "Enable one: mails contain QR codes and links that grant access."
    if plain := [name for name, url in _web_addresses(settings) if _is_plain(url)]:
        says = f"{', '.join(dict.fromkeys(plain))}: http instead of https"
        yield says, "Use https: passwords, tokens and QR codes are sent over it."
    if settings.metrics_token is None:
        yield (
            "METRICS_TOKEN is not set: /metrics is closed",
            "Set it if Prometheus should scrape metrics.",
        )


def _doubts_of_factors(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.debug:
        return
    if Role.SUPERADMIN not in settings.second_factor_roles:
        says = "SECOND_FACTOR_ROLES does not name superadmin: their passwords alone let them in"
        yield says, "Set SECOND_FACTOR_ROLES=superadmin."
    rp_id = RelyingParty.of(settings.passkey_rp_id, settings.pages).id
    if others := unfitting(rp_id, settings.pages):
        says = f"passkeys of {rp_id} are not offered at {', '.join(others)}"
        yield says, "Set PASSKEY_RP_ID to a parent domain of FRONTEND_URL and PUBLIC_URL."


def _web_addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "FRONTEND_URL", settings.frontend_url
    yield "PUBLIC_URL", settings.service_url
    for origin in settings.cors_allowed_origins:
        yield "CORS_ALLOWED_ORIGINS", origin


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


async def _accounts(settings: Settings) -> Finding:
    if await accounts.has_development_accounts(settings):
        says = "the development accounts still have their published passwords"
        return Finding(
            "accounts", Health.FAULT, says, "Change their passwords or delete the accounts."
        )
    return Finding("accounts", Health.OK, "no account has a published password")


async def _database(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            version = await session.scalar(select(func.current_setting("server_version")))
    finally:
        await database.close()
    says = f"{POSTGRESQL} {version}"
    if int((version or "0").partition(".")[0]) < OLDEST_POSTGRESQL:
        advice = f"Use PostgreSQL {OLDEST_POSTGRESQL} or later."
        return Finding("database", Health.FAULT, says, advice)
    if missing := await missing_limits(settings.database_url):
        return Finding(
            "database", Health.FAULT, f"{says}: sessions have no limits", " ".join(missing)
        )
    return Finding("database", Health.OK, says)


async def _migrations(settings: Settings) -> Finding:
    if await migrations.is_behind(settings.database_url):
        says = "the database needs migrations of this version"
        return Finding("migrations", Health.FAULT, says, MIGRATE)
    if await migrations.rollout_status(settings.database_url, finish=False):
        return Finding("migrations", Health.WARNING, "an update is in progress", FINISH)
    return Finding("migrations", Health.OK, "the database is at this version")


async def _clock(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            theirs = await session.scalar(select(func.clock_timestamp()))
    finally:
        await database.close()
    away = abs(datetime.now(UTC) - (theirs or datetime.min.replace(tzinfo=UTC)))
    if away > CLOCK_TOLERANCE:
        says = f"{away.total_seconds():.0f} seconds off the database's"
        return Finding("clock", Health.FAULT, says, "Synchronise both clocks (NTP).")
    return Finding("clock", Health.OK, "agrees with the database's")


async def _zones(settings: Settings) -> Finding:
    """Compare the sites' time zones with PostgreSQL's, once a week for two years."""
    database = Database(settings.database_url)
    now = datetime.now(UTC)
    weeks = [now + timedelta(weeks=number) for number in range(ZONE_WEEKS)]
    try:
        async with database.read() as session:
            sites = SiteReader(session)
            ours = await sites.timezones()
            known = await sites.known_timezones(ours)
            theirs = await sites.database_offsets(known, weeks)
    finally:
        await database.close()
    away = dict.fromkeys(ours - known, "unknown")
    for zone, at, seconds in sorted(theirs, reverse=True):  # keeps the first week that differs
        if local_now(at, zone).utcoffset() != timedelta(seconds=seconds):
            away[zone] = f"from {at:%Y-%m-%d}"
    if away:
        named = ", ".join(f"{zone} ({how})" for zone, how in sorted(away.items()))
        return Finding("time zones", Health.WARNING, f"PostgreSQL's differ: {named}", ZONE_ADVICE)
    return Finding("time zones", Health.OK, "the sites' time zones agree with PostgreSQL's")


async def _secrets(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        found = await count_secrets(database, tables, settings.key_ring)
    finally:
        await database.close()
    if found.unreadable:
        says = f"{found.unreadable} stored secrets cannot be read with the keys of the settings"
        return Finding("secrets", Health.FAULT, says, LOST_KEY)
    if found.former:
        says = f"{found.former} stored secrets still need SECRET_KEY_PREVIOUS"
        return Finding("secrets", Health.WARNING, says, "Run `vms migrate` before you remove it.")
    return Finding("secrets", Health.OK, "SECRET_KEY reads all stored secrets")


async def _api_keys(settings: Settings) -> Finding:
    database, now = Database(settings.database_url), datetime.now(UTC)
    try:
        async with database.read() as session:
            soon = await ApiKeyReader(session).expiring(now, now + KEY_NOTICE)
    finally:
        await database.close()
    if soon:
        says = ", ".join(f"{name} on {until:%Y-%m-%d}" for name, until in soon[:5])
        more = f" and {len(soon) - 5} more" if len(soon) > 5 else ""
        advice = "Extend them (`expires_at`), or replace them by new ones."
        return Finding("api keys", Health.WARNING, f"soon expire: {says}{more}", advice)
    return Finding("api keys", Health.OK, f"none expires within {KEY_NOTICE.days} days")


async def _redis(settings: Settings) -> Finding:
    redis = Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5)
    try:
        version = (await redis.info("server"))["redis_version"]
    finally:
        await redis.aclose()
    return Finding("redis", Health.OK, f"answers (version {version})")


async def _smtp(settings: Settings) -> Finding:
    password = settings.email_host_password
    client = aiosmtplib.SMTP(
        hostname=settings.email_host,
        port=settings.email_port,
        username=settings.email_host_user,
        password=password.get_secret_value() if password else None,
        use_tls=settings.email_tls == "implicit",
        start_tls=settings.email_tls == "starttls",
        timeout=settings.email_timeout_seconds,
    )
    async with client:
        where = f"{settings.email_host}:{settings.email_port}"
    return Finding("smtp", Health.OK, f"{where} accepts mail (TLS: {settings.email_tls})")


async def _directory(settings: Settings) -> Finding:
    provider = directory_provider(settings, SystemClock())
    if provider is None:
        return Finding("directory", Health.OK, "none")
    try:
        await provider.discovery()
    except ProviderUnavailable as error:
        health = Health.FAULT if settings.oidc_required else Health.WARNING
        advice = (
            "This machine must reach the directory, and OIDC_ISSUER be what the discovery document"
            " names, to the letter."
        )
        return Finding("directory", health, str(error), advice)
    finally:
        await provider.close()
    says = f"{provider.client.issuer} answers; it must know {provider.client.redirect_uri}"
    return Finding("directory", Health.OK, says)


async def _role_map(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            unknown = unknown_sites(settings.oidc_role_map, await site_names(session))
    finally:
        await database.close()
    if unknown:
        says = f"OIDC_ROLE_MAP names unknown sites: {', '.join(unknown)}"
        return Finding("role map", Health.WARNING, says, "They give nothing: correct the map.")
    return Finding("role map", Health.OK, "all sites of OIDC_ROLE_MAP exist")


async def _mail(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            due = await OutboxReader(session).due()
    finally:
        await database.close()
    late = due.asked_at - due.first if due.first else timedelta(0)
    if late > MAIL_TOLERANCE:
        says = f"mail is late by {late.total_seconds() / 60:.0f} minutes"
        return Finding("mail", Health.FAULT, says, START_WORKER)
    return Finding("mail", Health.OK, "no mail is late")
