"""Migrations of a database in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from passlib.hash import bcrypt_sha256
from sqlalchemy import CheckConstraint

from app import migrations
from app.core.security.passwords import NO_PASSWORD
from app.tables import metadata
from tests.conftest import recreate_database


@pytest.fixture
def url(worker_id: str) -> str:
    return recreate_database(f"vms_migrations_{worker_id}")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def run(url: str, sql: str) -> None:
    async with connected(url) as connection:
        await connection.execute(sql)


async def tables(url: str) -> set[str]:
    async with connected(url) as connection:
        found = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    return {row["tablename"] for row in found}


async def test_one_that_waits_for_a_table_gives_up_and_changes_nothing(url: str) -> None:
    """A migration that waits for such a lock blocks everybody behind it."""
    await asyncio.to_thread(migrations.upgrade, url)
    await asyncio.to_thread(migrations.downgrade, url, "base")
    async with connected(url) as connection, connection.transaction():
        await connection.execute("LOCK TABLE alembic_version")
        with pytest.raises(migrations.Blocked):
            await migrations.missing(url)
        with pytest.raises(migrations.Blocked):
            await asyncio.to_thread(migrations.upgrade, url)
    assert await tables(url) == {"alembic_version"}
    await asyncio.to_thread(migrations.upgrade, url)
    assert not await migrations.is_behind(url)


# A table that is rewritten is closed to everybody, for minutes where it has millions of rows.
NO_REWRITES = """
CREATE FUNCTION refuse_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'rewrites %', pg_event_trigger_table_rewrite_oid()::regclass; END $$;
CREATE EVENT TRIGGER no_rewrites ON table_rewrite EXECUTE FUNCTION refuse_rewrite();
"""


async def test_no_table_is_rewritten(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0011")
    await run(url, NO_REWRITES)
    with pytest.raises(asyncpg.RaiseError, match="rewrites visitors"):
        await run(url, "ALTER TABLE visitors ALTER COLUMN revision TYPE bigint USING revision + 1")
    await asyncio.to_thread(migrations.upgrade, url)
    assert not await migrations.is_behind(url)


async def test_a_database_without_a_schema_is_behind(url: str) -> None:
    assert await migrations.is_behind(url)


async def test_it_is_known_which_ones_are_missing(url: str) -> None:
    every = await migrations.missing(url)
    assert (every[0], every[-1]) == ("0001", migrations.newest())
    told: list[str] = []
    await asyncio.to_thread(migrations.upgrade, url, "0001", told.append)
    assert await migrations.missing(url) == every[1:]
    await asyncio.to_thread(migrations.upgrade, url, on_each=told.append)
    assert (await migrations.missing(url), told) == ([], every)


async def test_a_database_of_a_newer_version_is_not_behind(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, "UPDATE alembic_version SET version_num = 'of_a_newer_one'")
    assert not await migrations.is_behind(url)


# Six thousand visitors from before the search without accents.
JUERGEN = """
INSERT INTO slots (id, site_id, visit_date, hour, capacity, has_own_capacity, booked, excess,
    created_at)
SELECT gen_random_uuid(), id, '2026-11-23', 10, 20, false, 0, 0, now() FROM sites;
INSERT INTO visitors (id, site_id, slot_id, name, email, visitor_type, visitor_category, purpose,
    visit_date, visit_time, status, qr_code, revision, is_rescheduled, checked_out_automatically,
    created_at, updated_at)
SELECT gen_random_uuid(), site_id, id, 'Jürgen', 'j' || number || '@example.com', 'professional',
    'industry', 'other', '2026-11-23', '10:00', 'pending', 'code ' || number, 0, false, false,
    now(), now()
FROM slots, generate_series(1, 6000) AS number
"""
FOUND = "SELECT count(*) FROM visitors WHERE search @@ search_key($1)"


async def found(connection: asyncpg.Connection, *words: str) -> list[int]:
    return [await connection.fetchval(FOUND, word) for word in words]


async def test_who_was_there_before_is_found_without_accents(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0005")
    async with connected(url) as connection:
        await connection.execute(JUERGEN)
        assert await found(connection, "jürgen", "jurgen") == [6000, 0]
        async with connection.transaction():  # another visitor registers in between
            await connection.execute("LOCK TABLE visitors IN ROW EXCLUSIVE MODE")
            await asyncio.to_thread(migrations.upgrade, url, "0006")
        assert await found(connection, "jürgen", "jurgen", "juergen") == [6000, 6000, 6000]
        await asyncio.to_thread(migrations.downgrade, url, "0005")
        assert await found(connection, "jürgen") == [6000]
        await connection.execute("UPDATE visitors SET name = 'Żółć'")
        assert await found(connection, "jürgen", "żółć") == [0, 6000]


async def test_a_search_finds_everybody_while_words_are_made_once_more(url: str) -> None:
    """An interrupted migration continues."""
    await asyncio.to_thread(migrations.upgrade, url, "0005")
    async with connected(url) as connection:
        await connection.execute(JUERGEN)
        late = await connection.fetchval("SELECT id FROM visitors ORDER BY id OFFSET 5500")
        async with connected(url) as other, other.transaction():
            await other.execute("SELECT FROM visitors WHERE id = $1 FOR UPDATE", late)
            with pytest.raises(migrations.Blocked):
                await asyncio.to_thread(migrations.upgrade, url, "0006")
        assert (await migrations.missing(url))[0] == "0006"
        assert await found(connection, "jürgen", "juergen") == [6000, 5000]
        await asyncio.to_thread(migrations.upgrade, url, "0006")
        assert await found(connection, "jürgen", "juergen") == [6000, 6000]


async def test_the_checks_are_those_of_the_models(url: str) -> None:
    """Alembic does not compare CHECKs, and a later migration finds one only by its name."""
    await asyncio.to_thread(migrations.upgrade, url)
    async with connected(url) as connection:
        found = await connection.fetch(
            "SELECT conname FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        )
    assert {row["conname"] for row in found} == {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }


NEW_MAIL = """
INSERT INTO notifications (id, kind, version, recipient, recipient_name, payload, status, attempts,
    tries_began_at, next_attempt_at, created_at)
VALUES (gen_random_uuid(), 'host_handed_over', 1, 'ada@example.com', 'Ada', '{}', 'sent', 1,
    now(), now(), now())
"""


async def test_a_downgrade_is_refused_while_rows_would_be_unreadable(
    url: str,
) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, NEW_MAIL)
    with pytest.raises(RuntimeError, match="1 rows of notifications"):
        await asyncio.to_thread(migrations.downgrade, url, "0004")
    assert "site_changes" in await tables(url)


async def test_an_update_of_a_used_database_must_be_finished(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0004")
    account = (
        "INSERT INTO users (id, email, email_key, first_name, last_name, role, password_hash,"
        " is_active, awaits_verification, created_at, updated_at)"
        " VALUES (gen_random_uuid(), 'ada@example.com', 'ada@example.com', 'Ada', 'King', 'host',"
        " '', true, false, now(), now())"
    )
    await run(url, account)
    await asyncio.to_thread(migrations.upgrade, url)
    assert await migrations.rollout_status(url, finish=False)
    assert not await migrations.rollout_status(url, finish=True)
    async with connected(url) as connection:
        unproven = await connection.fetchval(
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
        )
    assert unproven == 0


UNPROVEN = """
INSERT INTO users (id, email, email_key, first_name, last_name, role, password_hash, is_active,
    awaits_verification, created_at, updated_at)
VALUES
    ('01936b0e-7a4c-7cc3-8a59-000000000001', 'boss@x.org', 'boss@x.org', '', '', 'host',
        'of a stranger', false, true, now(), now()),
    ('01936b0e-7a4c-7cc3-8a59-000000000002', 'ada@x.org', 'ada@x.org', '', '', 'host',
        'of Ada', true, false, now(), now());
INSERT INTO account_links (id, user_id, purpose, token_hash, expires_at, created_at)
SELECT gen_random_uuid(), id, purpose, sha256(convert_to(email || purpose, 'UTF8')), now(), now()
FROM users, unnest(ARRAY['password_reset', 'email_verification']) AS purpose
"""


async def test_an_update_clears_passwords_of_unproved_addresses(url: str) -> None:
    """Clear a password that a stranger may have chosen, and earlier links."""
    await asyncio.to_thread(migrations.upgrade, url, "0005")
    await run(url, UNPROVEN)
    await asyncio.to_thread(migrations.upgrade, url)
    async with connected(url) as connection:
        hashes = dict(await connection.fetch("SELECT email, password_hash FROM users"))
        links = await connection.fetch(
            "SELECT email, purpose FROM account_links JOIN users ON users.id = user_id"
        )
    assert hashes == {"boss@x.org": NO_PASSWORD, "ada@x.org": "of Ada"}
    assert [tuple(row) for row in links] == [("ada@x.org", "password_reset")]
    assert bcrypt_sha256.verify("of a stranger", NO_PASSWORD) is False
    assert await migrations.rollout_status(url, finish=False)
    assert not await migrations.rollout_status(url, finish=True)


async def test_a_downgrade_refuses_mails_of_kinds_unknown_before(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(
        url,
        "INSERT INTO notifications (id, kind, version, recipient, recipient_name, payload, status,"
        " attempts, tries_began_at, next_attempt_at, created_at) VALUES (gen_random_uuid(),"
        " 'password_changed', 1, 'a@x.org', '', '{}', 'sent', 1, now(), now(), now())",
    )
    with pytest.raises(RuntimeError, match="1 rows of notifications"):
        await asyncio.to_thread(migrations.downgrade, url, "0005")
    await run(url, "DELETE FROM notifications")
    await asyncio.to_thread(migrations.downgrade, url, "0005")
    await asyncio.to_thread(migrations.upgrade, url)
    assert not await migrations.is_behind(url)


# Two spellings of one address, somebody else, one whose visit is over, and one who was invited.
STRANGERS = """
INSERT INTO slots (id, site_id, visit_date, hour, capacity, has_own_capacity, booked, excess,
    created_at)
SELECT gen_random_uuid(), id, '2999-11-23', 10, 20, false, 4, 0, now() FROM sites;
INSERT INTO visitors (id, site_id, slot_id, name, email, visitor_type, visitor_category, purpose,
    visit_date, visit_time, status, qr_code, revision, is_rescheduled, checked_out_automatically,
    created_at, updated_at)
SELECT ('01936b0e-7a4c-7cc3-8a59-00000000000' || number)::uuid, site_id, id, 'Ada', email,
    'professional', 'industry', 'other', '2999-11-23', '10:00', status, 'code ' || number, 0, false,
    false, now(), now()
FROM slots, (VALUES (1, 'ada@x.org', 'pending'), (2, 'ADA@x.org', 'verified'),
    (3, 'eve@x.org', 'pending'), (4, 'old@x.org', 'completed'), (5, 'guest@x.org', 'pending')
    ) AS people (number, email, status);
INSERT INTO visitor_events (id, visitor_id, action, actor_role, actor_name, request_id, details,
    created_at)
SELECT gen_random_uuid(), id, 'registered',
    CASE email WHEN 'guest@x.org' THEN 'admin' ELSE 'anonymous' END, '', '', '{}', now()
FROM visitors
"""
KEYS = "SELECT self_registration_key FROM visitors WHERE is_self_registered ORDER BY id"


async def strangers(url: str) -> tuple[tuple[int, ...], list[str | None]]:
    """Return the share, the seats and the excess of strangers, and the addresses that they hold."""
    async with connected(url) as connection:
        row = await connection.fetchrow("SELECT self_share, self_booked, self_excess FROM slots")
        return tuple(row), [key for (key,) in await connection.fetch(KEYS)]


async def test_the_end_of_an_update_counts_earlier_strangers(
    url: str,
) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0008")
    await run(url, STRANGERS)
    await run(url, UNPROVEN)  # accounts: the previous release may be running
    for _ in range(2):  # up, down, and up again
        await asyncio.to_thread(migrations.upgrade, url)
        assert await strangers(url) == ((100, 0, 0), [])
        await run(url, "UPDATE slots SET booked = booked")  # as the previous release writes
        await run(url, "UPDATE sites SET self_registration_share = 5")
        assert not await migrations.rollout_status(url, finish=True)
        assert await strangers(url) == ((5, 3, 2), ["ada@x.org", None, "eve@x.org"])
        await asyncio.to_thread(migrations.downgrade, url, "0008")


async def test_sites_that_are_there_keep_all_places_for_strangers(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0008")
    await run(url, UNPROVEN)  # accounts: in use
    await asyncio.to_thread(migrations.upgrade, url)
    async with connected(url) as connection:
        await connection.execute(
            "INSERT INTO sites (id, name, address, timezone, opens_at, closes_at, open_weekdays,"
            " slot_capacity, booking_lead_minutes, booking_horizon_days, early_arrival_minutes,"
            " self_registration, language, is_default, created_at, updated_at)"
            " SELECT gen_random_uuid(), 'New', address, timezone, opens_at, closes_at,"
            " open_weekdays, slot_capacity, booking_lead_minutes, booking_horizon_days,"
            " early_arrival_minutes, self_registration, language, false, now(), now() FROM sites"
        )
        shares = await connection.fetch("SELECT self_registration_share FROM sites ORDER BY 1")
    assert [share for (share,) in shares] == [50, 100]


async def test_a_fresh_site_leaves_half_of_its_seats_to_guests(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    async with connected(url) as connection:
        shares = await connection.fetch("SELECT self_registration_share FROM sites")
    assert [share for (share,) in shares] == [50]


async def test_a_link_of_the_release_before_goes_on_beside_new_ones(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0010")
    await run(url, UNPROVEN)
    await asyncio.to_thread(migrations.upgrade, url)
    former = (
        "INSERT INTO former_account_links (id, created_at, link_id, token_hash, expires_at)"
        " SELECT gen_random_uuid(), now(), id, sha256(id::text::bytea), now() FROM account_links"
    )
    async with connected(url) as connection:
        links = await connection.fetchval("SELECT count(*) FROM account_links")
        assert links
        await connection.execute(former)
        await connection.execute("DELETE FROM account_links")  # as the previous release does
        assert await connection.fetchval("SELECT count(*) FROM former_account_links") == 0
    await asyncio.to_thread(migrations.downgrade, url, "0010")
    assert "former_account_links" not in await tables(url)


# One with an app, one with a passkey, and one whose app was never confirmed.
ENROLLED = """
INSERT INTO users (id, email, email_key, first_name, last_name, role, password_hash, is_active,
    awaits_verification, created_at, updated_at)
SELECT ('01936b0e-7a4c-7cc3-8a59-00000000000' || number)::uuid, number || '@x.org',
    number || '@x.org', '', '', 'host', '', true, false, now(), now()
FROM generate_series(1, 3) AS number;
INSERT INTO totp_factors (id, user_id, is_confirmed, secret, created_at) VALUES
    (gen_random_uuid(), '01936b0e-7a4c-7cc3-8a59-000000000001', true, '', now()),
    (gen_random_uuid(), '01936b0e-7a4c-7cc3-8a59-000000000003', false, '', now());
INSERT INTO passkeys (id, user_id, name, credential_id, public_key, sign_count, created_at) VALUES
    (gen_random_uuid(), '01936b0e-7a4c-7cc3-8a59-000000000001', '', 'a', '', 0, now()),
    (gen_random_uuid(), '01936b0e-7a4c-7cc3-8a59-000000000002', '', 'b', '', 0, now());
"""


async def test_the_way_back_refuses_while_there_are_second_factors(url: str) -> None:
    """The previous release would let them in with the password alone."""
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, ENROLLED)
    with pytest.raises(RuntimeError, match="2 accounts have a second factor"):
        await asyncio.to_thread(migrations.downgrade, url, "0011")
    await run(url, "DELETE FROM passkeys; DELETE FROM totp_factors WHERE is_confirmed")
    await run(
        url,
        "INSERT INTO account_events (id, action, request_id, details, created_at)"
        " VALUES (gen_random_uuid(), 'second_factor_removed', '', '{}', now())",
    )
    with pytest.raises(RuntimeError, match="1 rows of account_events"):
        await asyncio.to_thread(migrations.downgrade, url, "0011")
    await run(url, "DELETE FROM account_events")
    await asyncio.to_thread(migrations.downgrade, url, "0011")
    assert "passkeys" not in await tables(url)
    await asyncio.to_thread(migrations.upgrade, url)
    assert await migrations.rollout_status(url, finish=False)


async def test_the_way_back_refuses_roles_of_the_new_release(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0011")
    await run(url, UNPROVEN)
    await asyncio.to_thread(migrations.upgrade, url)
    assert await migrations.rollout_status(url, finish=False)
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM users WHERE sites IS NULL") == 2
    await run(url, "UPDATE users SET role = 'guard' WHERE email = 'ada@x.org'")
    with pytest.raises(RuntimeError, match="1 rows of users have a role"):
        await asyncio.to_thread(migrations.downgrade, url, "0011")
    limit = "UPDATE users SET role = 'admin', sites = ARRAY(SELECT id FROM sites)"
    await run(url, limit)
    with pytest.raises(RuntimeError, match="2 rows of users are limited to sites"):
        await asyncio.to_thread(migrations.downgrade, url, "0011")
    async with connected(url) as connection:
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute("DELETE FROM sites")
    await run(url, "UPDATE users SET sites = NULL")
    await asyncio.to_thread(migrations.downgrade, url, "0011")
    assert "user_sites" not in await tables(url)


# One who signed in by directory, and one who did not.
LINKED = """
INSERT INTO users (id, email, email_key, first_name, last_name, role, password_hash, is_active,
    awaits_verification, created_at, updated_at)
SELECT ('01936b0e-7a4c-7cc3-8a59-00000000000' || number)::uuid, number || '@x.org',
    number || '@x.org', '', '', 'host', '', true, false, now(), now()
FROM generate_series(1, 2) AS number;
INSERT INTO directory_links (id, user_id, issuer, subject, created_at) VALUES
    (gen_random_uuid(), '01936b0e-7a4c-7cc3-8a59-000000000001', 'https://x.org', 'ada', now());
INSERT INTO account_events (id, action, request_id, details, created_at) VALUES
    (gen_random_uuid(), 'directory_linked', '', '{}', now());
"""


async def test_the_way_back_refuses_while_accounts_are_linked(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, LINKED)
    with pytest.raises(RuntimeError, match="1 rows of account_events"):
        await asyncio.to_thread(migrations.downgrade, url, "0013")
    await run(url, "DELETE FROM account_events")
    with pytest.raises(RuntimeError, match="1 rows of directory_links"):
        await asyncio.to_thread(migrations.downgrade, url, "0013")
    await run(url, "DELETE FROM directory_links")
    await asyncio.to_thread(migrations.downgrade, url, "0013")
    assert "directory_links" not in await tables(url)


async def test_no_sign_in_by_directory_begins_during_an_update(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0011")
    await run(url, UNPROVEN)
    await asyncio.to_thread(migrations.upgrade, url)
    question = "SELECT finished_at FROM rollouts WHERE revision = '0014'"
    async with connected(url) as connection:
        assert await connection.fetchval(question) is None
    assert not await migrations.rollout_status(url, finish=True)
    async with connected(url) as connection:
        assert await connection.fetchval(question) is not None


async def test_the_way_back_refuses_re_entry(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, "UPDATE sites SET re_entry = 'same_day'")
    with pytest.raises(RuntimeError, match="1 sites permit re-entry"):
        await asyncio.to_thread(migrations.downgrade, url, "0016")
    await run(url, "UPDATE sites SET re_entry = 'none'")
    await asyncio.to_thread(migrations.downgrade, url, "0016")
    assert "stays" not in await tables(url)
    await asyncio.to_thread(migrations.upgrade, url)
