#!/usr/bin/env bash
# Writes everything that the service keeps into one file, while it goes on serving:
#
#   DATABASE_URL=postgresql://vms:…@host/vms backup.sh FILE     or - for standard output
#
# It needs bash and the pg_dump of the server's version or a later one: the image of the database has
# both. SECRET_KEY is not in the file and has to be kept as well. See docs/operations.md.
set -euo pipefail
umask 077
# shellcheck source=connection.sh
. "$(dirname "$0")/connection.sh"

file=${1:-}
[[ -n $file ]] || fail "Say where to: backup.sh FILE, or - for standard output."
[[ $file == - || ! -e $file ]] || fail "$file is there already, and nothing is overwritten."
read_database_url

# A migration that runs meanwhile is waited for, but not for ever.
dump=(pg_dump --format=custom --no-owner --no-privileges --lock-wait-timeout=60s "--dbname=$address")
if [[ $file == - ]]; then
    exec "${dump[@]}"
fi

part="$file.part"
trap 'rm -f "$part"' EXIT
"${dump[@]}" "--file=$part"
pg_restore --list "$part" >/dev/null  # can be read again
sync "$part"
mv "$part" "$file"
(cd "$(dirname "$file")" && sha256sum "$(basename "$file")" >"$(basename "$file").sha256")
printf 'Written: %s\n' "$file"
