"""Events that no entry of the audit log makes: overdue stays, silent devices, full slots.

Additive. A trigger tells of slots, so that no statement forgets it, not those of the previous
release either.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# If there are accounts, processes of the previous release may be running.
BEGIN_ROLLOUT = """
INSERT INTO rollouts (revision, finished_at)
SELECT '0030', CASE WHEN EXISTS (SELECT FROM users) THEN NULL ELSE now() END
"""
# Nobody needs to hear of those that have been silent for long.
LONG_SILENT = """
UPDATE devices SET offline_at = now() WHERE last_seen_at < now() - interval '1 day'
"""
# The id is a UUID of version 7, to the microsecond, by which events are ordered.
FUNCTION = """
CREATE FUNCTION tell_of_full_slot() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    micros bigint := (extract(epoch FROM moment) * 1000000)::bigint;
    fraction int := (micros % 1000) * 4096 / 1000;
    bytes bytea := uuid_send(gen_random_uuid());
BEGIN
    bytes := overlay(bytes PLACING substring(int8send(micros / 1000) FROM 3) FROM 1 FOR 6);
    bytes := set_byte(set_byte(bytes, 6, 112 + fraction / 256), 7, fraction % 256);
    INSERT INTO event_outbox
        (id, type, created_at, site_id, subject_type, subject_id, actor_kind)
    VALUES (
        encode(bytes, 'hex')::uuid,
        CASE WHEN NEW.booked >= NEW.capacity THEN 'slot.full' ELSE 'slot.reopened' END,
        moment, NEW.site_id, 'slot', NEW.id, 'system'
    );
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER slots_full AFTER UPDATE OF booked, capacity ON slots FOR EACH ROW
WHEN ((OLD.booked >= OLD.capacity) <> (NEW.booked >= NEW.capacity))
EXECUTE FUNCTION tell_of_full_slot()
"""


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("stays", sa.Column("overdue_at", at, nullable=True))
    op.add_column("devices", sa.Column("offline_at", at, nullable=True))
    op.execute(LONG_SILENT)
    op.execute(FUNCTION)
    op.execute(TRIGGER)
    op.execute(BEGIN_ROLLOUT)


def downgrade() -> None:
    op.execute("DROP TRIGGER slots_full ON slots")
    op.execute("DROP FUNCTION tell_of_full_slot()")
    op.drop_column("devices", "offline_at")
    op.drop_column("stays", "overdue_at")
    op.execute("DELETE FROM rollouts WHERE revision = '0030'")
