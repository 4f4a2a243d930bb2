#!/usr/bin/env bash
# Makes .venv hold exactly what requirements-dev.txt pins, and this package in editable form.
# `scripts/setup.sh docs` does the same for .venv-docs and requirements/docs.txt, without the package.
#
# Uses uv where it is found and otherwise venv and pip. Does nothing, and needs no network, when all is up to date.
# PYTHON=/path/to/python chooses the interpreter (3.11 or newer).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.11 or newer"
    printf '%s\n' "$PYTHON"
    return
  fi
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python; do
    # Asked by running it: a version manager's shim can be on PATH and still refuse to start.
    if is_new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or newer found; install one, or name it: make setup PYTHON=/path/to/python3.11"
}

python=$(find_python)
if [ $# -eq 0 ]; then
  environment=.venv pins=requirements-dev.txt
else
  environment=.venv-$1 pins=requirements/$1.txt
fi
# The package goes where its dependencies are: the site is built from its source alone.
with_package=$(grep -q '^apache-airflow==' "$pins" && echo pyproject.toml || true)
stamp=$environment/.up-to-date
wanted=$("$python" - "$pins" scripts/setup.sh $with_package <<'PY'
import hashlib, pathlib, sys
files = sys.argv[1:]
digest = hashlib.sha256("\0".join([sys.version, *(pathlib.Path(f).read_text() for f in files)]).encode())
# A virtual environment does not survive being moved: its own path is part of what was set up.
digest.update(str(pathlib.Path.cwd()).encode())
print(digest.hexdigest())
PY
)
if [ -x "$environment/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
  exit 0
fi

rm -f "$stamp"
started=$SECONDS
# Bytecode is compiled once here: without it every Airflow process starts two to three times slower.
if command -v uv >/dev/null 2>&1; then
  printf 'setup: installing into %s with uv (once)\n' "$environment"
  uv venv --quiet --clear --python "$python" "$environment"
  UV_COMPILE_BYTECODE=1 uv pip sync --quiet --python "$environment/bin/python" --require-hashes "$pins"
  [ -z "$with_package" ] || uv pip install --quiet --python "$environment/bin/python" --no-deps --no-build-isolation --editable .
else
  printf 'setup: installing into %s with pip (once; takes one to three minutes)\n' "$environment"
  "$python" -m venv --clear "$environment" || fail "cannot create $environment; on Debian and Ubuntu: apt-get install python3-venv"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$pins"
  [ -z "$with_package" ] ||
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
printf '%s\n' "$wanted" >"$stamp"
printf 'setup: done in %s s\n' "$((SECONDS - started))"
