#!/usr/bin/env bash
# Makes sure that there is a Chromium for the browser tests; installs Debian's where that can be done.
set -euo pipefail

if command -v chromium >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  printf 'browser: no chromium found; install it: apt-get install chromium fonts-dejavu-core\n' >&2
  exit 1
fi
printf 'browser: installing chromium (once)\n'
apt-get update -qq
# A font is no dependency of it, and without one there is no text to look at.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
