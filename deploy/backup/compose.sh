#!/usr/bin/env bash
# A backup of the database of compose.yaml, encrypted on the way (https://age-encryption.org):
#
#   deploy/backup/compose.sh FILE RECIPIENTS
#
# Where any part of it fails nothing is left, and FILE is not overwritten: a schedule can rely on 0.
set -euo pipefail
umask 077

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

[[ $# == 2 ]] || fail "Say where to and for whom: compose.sh FILE RECIPIENTS."
file=$1 recipients=$2
[[ ! -e $file ]] || fail "$file is there already, and nothing is overwritten."
root=$(cd "$(dirname "$0")/../.." && pwd)

part="$file.part"
trap 'rm -f "$part"' EXIT
docker compose --project-directory "$root" run --rm --no-TTY --entrypoint bash \
    --volume "$root/deploy/backup:/backup:ro" \
    --volume "$root/secrets/database_url:/run/secrets/database_url:ro" \
    --env DATABASE_URL_FILE=/run/secrets/database_url \
    postgres /backup/backup.sh - | age --recipients-file "$recipients" >"$part"
sync "$part"
mv "$part" "$file"
printf 'Written: %s\n' "$file"
