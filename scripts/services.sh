#!/usr/bin/env bash
# Sees to it that Postgres and Redis can be started, by Debian's packages if need be. Does nothing when they are there.
set -euo pipefail

fail() {
  printf 'services: %s\n' "$*" >&2
  printf 'services: install them yourself: apt-get install postgresql redis-server\n' >&2
  exit 1
}

missing=()
# Debian keeps the programs of its server apart from PATH.
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || fail "${missing[*]} not found, and there is no apt-get here"
# Not by sudo: packages that start servers are for the machine's owner to install.
[ "$(id -u)" -eq 0 ] || fail "${missing[*]} not found, and only root can install packages"
printf 'services: installing %s (once)\n' "${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { timeout 120 apt-get --quiet update &&
  timeout 300 apt-get --quiet --yes --option DPkg::Lock::Timeout=120 install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  fail "${missing[*]} could not be installed; is there a network?"
fi
