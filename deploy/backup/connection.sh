# shellcheck shell=bash
# Read by backup.sh and restore.sh: makes of DATABASE_URL, as the service knows it, an address for the
# tools of PostgreSQL. The password goes through the environment: others may read command lines.

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Sets `address`, and PGPASSWORD where the address had a password.
read_database_url() {
    local url=${DATABASE_URL:-} user password query
    if [[ -z $url && -n ${DATABASE_URL_FILE:-} ]]; then
        url=$(<"$DATABASE_URL_FILE")
    fi
    [[ -n $url ]] || fail "Set DATABASE_URL, or DATABASE_URL_FILE to a file that holds it."
    [[ $url =~ ^postgres(ql)?(\+asyncpg)?://(([^:@/]*)(:([^@/]*))?@)?([^/?]*)/([^?]*)\??(.*)$ ]] ||
        fail "DATABASE_URL is no address of a database: postgresql://user:password@host/name"
    user=${BASH_REMATCH[4]} password=${BASH_REMATCH[6]} query="&${BASH_REMATCH[9]}"
    [[ $query != *"&pooler="* ]] ||
        fail "DATABASE_URL leads to a pooler: give the address of PostgreSQL itself."
    if [[ -n $password ]]; then
        PGPASSWORD=$(decoded "$password")
        export PGPASSWORD
    fi
    query=${query//&ssl=/"&"sslmode=}  # what asyncpg calls `ssl`
    # shellcheck disable=SC2034 # read by whoever reads this
    address="postgresql://$user@${BASH_REMATCH[7]}/${BASH_REMATCH[8]}?${query#&}"
}

# The text of %41 and the like.
decoded() {
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}
