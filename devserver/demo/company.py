"""The demo company: sites, gates, departments and hosts, recognised by fixed ids."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import asyncpg

from app.core.security.access_keys import DEVICE_KEYS
from app.core.security.random_secrets import stored_hash
from devserver.demo.people import DemoHost

NAMESPACE = UUID("6f1d0a52-3b0e-4a57-9d0a-5e1c6d0b7a11")  # arbitrary
DEPARTMENTS = ("Engineering", "Sales", "Human Resources", "Legal", "Research", "Logistics")
GATES = ("Main entrance", "North gate")
HOSTS = (
    *("Ada King", "Alonzo Church", "Annie Easley", "Betty Holberton", "Charles Babbage"),
    *("Claude Shannon", "Dorothy Vaughan", "Edith Clarke", "Erna Hoover", "Evelyn Boyd"),
    *("Hedy Kiesler", "Joan Clarke", "Katherine Johnson", "Konrad Zuse", "Lynn Conway"),
    *("Mary Jackson", "Maurice Wilkes", "Mina Rees", "Radia Perlman", "Stephanie Shirley"),
)

ADD_SITE = """
INSERT INTO sites (id, name, address, timezone, opens_at, closes_at, open_weekdays, slot_capacity,
    booking_lead_minutes, booking_horizon_days, early_arrival_minutes, self_registration, language,
    is_default, created_at, updated_at)
VALUES ($1, $2, $3, $4, '09:00', '17:00', '{1,2,3,4,5}', $5, 30, 90, 120, false, $6, false, $7, $7)
"""
ADD_GATE = """
INSERT INTO devices (id, name, kind, site_id, gate, key_hash, last_seen_at, created_at)
VALUES ($1, $2, 'scanner', $3, $4, $5, $6, $6)
"""
ADD_DEPARTMENT = """
INSERT INTO departments (id, name, description, created_at, updated_at)
VALUES ($1, $2, '', $3, $3) ON CONFLICT (lower(name)) DO NOTHING
"""
# Hosts sign in only after setting a password with a mailed link.
ADD_HOST = """
INSERT INTO users (id, email, email_key, first_name, last_name, role, password_hash, is_active,
    awaits_verification, created_at, updated_at)
VALUES ($1, $2, $2, $3, $4, 'host', $5, true, false, $6, $6)
"""
REMOVE = (
    "DELETE FROM scans WHERE site_id = ANY($1)",
    "DELETE FROM visitors WHERE site_id = ANY($1)",  # and, by cascade, their notifications
    "DELETE FROM slots WHERE site_id = ANY($1)",
    "DELETE FROM devices WHERE site_id = ANY($1)",
    "DELETE FROM sites WHERE id = ANY($1)",
)
REMOVE_HOSTS = "DELETE FROM users WHERE id = ANY($1)"
REMOVE_DEPARTMENTS = """
DELETE FROM departments WHERE id = ANY($1)
    AND NOT EXISTS (SELECT FROM visitors WHERE department_id = departments.id)
"""


def id_of(kind: str, name: str) -> UUID:
    return uuid5(NAMESPACE, f"{kind} {name}")


@dataclass(frozen=True, slots=True)
class DemoSite:
    """A site and its share of visitors."""

    name: str
    address: str
    timezone: str
    language: str
    share: float

    @property
    def id(self) -> UUID:
        return id_of("site", self.name)


SITES = (
    DemoSite("Berlin (demo)", "Hauptstraße 1, 10115 Berlin", "Europe/Berlin", "de", 0.35),
    DemoSite("Lyon (demo)", "12 rue de la Paix, 69002 Lyon", "Europe/Paris", "en", 0.25),
    DemoSite("Osaka (demo)", "1-1 Umeda, Kita-ku, Osaka", "Asia/Tokyo", "en", 0.2),
    DemoSite("Austin (demo)", "500 Congress Avenue, Austin, TX", "America/Chicago", "en", 0.2),
)
SITE_IDS = [site.id for site in SITES]


def email_of(name: str) -> str:
    """Return a host's address, in a domain that accepts no mail."""
    return f"{name.lower().replace(' ', '.')}@example.com"


async def is_there(connection: asyncpg.Connection) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM sites WHERE id = ANY($1))", SITE_IDS
    )
    return found


async def count_visitors(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM visitors WHERE site_id = ANY($1)", SITE_IDS
    )
    return found


async def remove(connection: asyncpg.Connection) -> None:
    """Delete the company; the audit log outlives it."""
    for statement in REMOVE:
        await connection.execute(statement, SITE_IDS)
    await connection.execute(REMOVE_HOSTS, [id_of("host", name) for name in HOSTS])
    await connection.execute(
        REMOVE_DEPARTMENTS, [id_of("department", name) for name in DEPARTMENTS]
    )


async def add_site(
    connection: asyncpg.Connection, site: DemoSite, capacity: int, now: datetime
) -> None:
    """Add a site with its gates; their device keys can be rotated."""
    values = (site.id, site.name, site.address, site.timezone, capacity, site.language, now)
    await connection.execute(ADD_SITE, *values)
    for gate in GATES:
        device = id_of("gate", f"{site.name} {gate}")
        name = f"{site.name}, {gate}"
        key_hash = stored_hash(DEVICE_KEYS.new())
        await connection.execute(ADD_GATE, device, name, site.id, gate, key_hash, now)


async def add_departments(connection: asyncpg.Connection, now: datetime) -> list[UUID]:
    """Add the departments that are missing; return the ids of all."""
    for name in DEPARTMENTS:
        await connection.execute(ADD_DEPARTMENT, id_of("department", name), name, now)
    names = [name.lower() for name in DEPARTMENTS]
    found = await connection.fetch(
        "SELECT id FROM departments WHERE lower(name) = ANY($1) ORDER BY name", names
    )
    return [row["id"] for row in found]


async def add_hosts(connection: asyncpg.Connection, unusable: str, now: datetime) -> list[DemoHost]:
    """Add host accounts without a known password."""
    hosts = [DemoHost(id_of("host", name), name, email_of(name)) for name in HOSTS]
    for host in hosts:
        first_name, last_name = host.name.split(" ")
        values = (host.id, host.email, first_name, last_name, unusable, now)
        await connection.execute(ADD_HOST, *values)
    return hosts
