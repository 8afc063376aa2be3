#!/bin/sh
# Run by the PostgreSQL image once, when its volume is empty: the database, and two roles for it.
# `vms_owner` owns the tables and changes them, for `vms migrate` alone. `vms`, the service's own, reads
# and writes rows and can change nothing else. Where the secret migration_password is missing or empty there
# is one role for both. The limits are those that the service sets itself where no pooler is.
set -eu
secrets=${SECRETS_DIR:-/run/secrets}
run() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" "$@"
}
run --dbname=postgres --set=password="$(cat "$secrets/database_password")" <<'SQL'
CREATE ROLE vms LOGIN PASSWORD :'password';
ALTER ROLE vms SET lock_timeout = '3s';
ALTER ROLE vms SET statement_timeout = '15s';
ALTER ROLE vms SET idle_in_transaction_session_timeout = '30s';
CREATE DATABASE vms OWNER vms;
REVOKE CONNECT, TEMPORARY ON DATABASE vms FROM PUBLIC;
SQL
password=$(cat "$secrets/migration_password" 2>/dev/null) || true
[ -n "$password" ] || exit 0
run --dbname=vms --set=password="$password" <<'SQL'
CREATE ROLE vms_owner LOGIN PASSWORD :'password';
ALTER DATABASE vms OWNER TO vms_owner;
GRANT CONNECT ON DATABASE vms TO vms;
ALTER DEFAULT PRIVILEGES FOR ROLE vms_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO vms;
ALTER DEFAULT PRIVILEGES FOR ROLE vms_owner GRANT USAGE ON SEQUENCES TO vms;
SQL
