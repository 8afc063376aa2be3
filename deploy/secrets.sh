#!/bin/sh
# Makes the secrets of compose.yaml as files in secrets/, or in the directory that is named. One that
# is there already stays as it is: run it again after an update.
set -eu
umask 077
directory=${1:-secrets}
mkdir -p "$directory"
# The directory keeps others out. The files themselves are read under the user ids of containers,
# and written by whoever has made them.
chmod 700 "$directory"

# 32 random bytes in hexadecimal, which stands for itself in an address.
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

keep() {
    [ -e "$directory/$1" ] || printf '%s\n' "$2" >"$directory/$1"
    chmod 644 "$directory/$1"
}

# The roles of before are one: who has a database already goes on with it (docs/deployment.md).
if [ -e "$directory/database_url" ]; then
    keep migration_password ""
    keep migration_database_url "$(cat "$directory/database_url")"
fi
keep secret_key "$(random)"
keep metrics_token "$(random)"
keep postgres_password "$(random)"
keep database_password "$(random)"
keep database_url "postgresql://vms:$(cat "$directory/database_password")@postgres:5432/vms"
keep migration_password "$(random)"
keep migration_database_url "postgresql://vms_owner:$(cat "$directory/migration_password")@postgres:5432/vms"
keep redis_auth "requirepass $(random)"
keep redis_url "redis://:$(cut -d' ' -f2 "$directory/redis_auth")@redis:6379/0"
keep email_host_password ""
echo "The secrets are in $directory/. Keep a copy where your backups are: without secret_key no QR code"
echo "that was mailed opens a gate. The password of your mail server goes into email_host_password."
