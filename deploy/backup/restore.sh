#!/usr/bin/env bash
# Brings a backup back into an empty database, all of it or nothing:
#
#   DATABASE_URL=postgresql://vms:…@host/vms restore.sh FILE     or - for standard input
#
# Read "After a restore" in docs/operations.md before the API and the worker are started.
set -euo pipefail
# shellcheck source=connection.sh
. "$(dirname "$0")/connection.sh"

file=${1:-}
[[ -n $file ]] || fail "Say what: restore.sh FILE, or - for standard input."
[[ $file == - || -r $file ]] || fail "$file cannot be read."
read_database_url

if [[ -e $file.sha256 ]]; then
    (cd "$(dirname "$file")" && sha256sum -c "$(basename "$file").sha256" >/dev/null 2>&1) ||
        fail "$file is not what was written: its checksum is another one."
fi

sql=(psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "--dbname=$address")
tables=$("${sql[@]}" --command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
[[ $tables == 0 ]] || fail "This database has $tables tables already: restore into an empty one."

from=("$file")
[[ $file != - ]] || from=()
pg_restore --exit-on-error --single-transaction --no-owner --no-privileges \
    "--dbname=$address" "${from[@]}"
# Of our tables alone: those of the server are not ours to look at, and it says so of each.
analyze=$("${sql[@]}" --command="SELECT 'ANALYZE ' || string_agg(format('%I.%I', schemaname, tablename), ', ')
    FROM pg_tables WHERE schemaname = 'public'")
"${sql[@]}" --command='SET statement_timeout = 0' --command="$analyze"
echo "Restored. Before anything is started: 'After a restore' in docs/operations.md."
