#!/bin/sh
# Run by the PostgreSQL image once, when its volume is empty: the service's own role, which owns its
# database and nothing else. The limits are those that the service sets itself where no pooler is.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --set=password="$(cat "${SECRETS_DIR:-/run/secrets}/database_password")" <<'SQL'
CREATE ROLE vms LOGIN PASSWORD :'password';
ALTER ROLE vms SET lock_timeout = '3s';
ALTER ROLE vms SET statement_timeout = '15s';
ALTER ROLE vms SET idle_in_transaction_session_timeout = '30s';
CREATE DATABASE vms OWNER vms;
REVOKE CONNECT, TEMPORARY ON DATABASE vms FROM PUBLIC;
SQL
