#!/usr/bin/env bash
# Makes .venv hold exactly what requirements-dev.txt pins, and this package in editable form.
# `scripts/setup.sh NAME` does the same for .venv-NAME and requirements/NAME.txt:
#
#   docs, release   without the package
#   airflow-3.1     on Python 3.11: the oldest of everything that is supported
#   python-3.13     what .venv holds, on that Python
#
# Uses uv where it is found and otherwise venv and pip. Does nothing, and needs no network, when all is up to date.
# PYTHON=/path/to/python chooses the interpreter (3.11 or newer); PYTHON_313 that of python-3.13, and so on.
# Ends with 3 if the Python that NAME asks for is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

is_version() { "$1" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$2" >/dev/null 2>&1; }

# A Python of one minor version: named by PYTHON_313 (for 3.13), on PATH, or where pyenv or uv keep theirs.
find_python_version() {
  local version=$1 named=PYTHON_${1//./} candidate
  if [ -n "${!named:-}" ]; then
    is_version "${!named}" "$version" || fail "$named=${!named} is not a working Python $version"
    printf '%s\n' "${!named}"
    return
  fi
  for candidate in "python$version" python3 \
    "$(pyenv root 2>/dev/null || printf '%s' "$HOME/.pyenv")/versions/$version".*/bin/python3 \
    "$(uv python find --quiet --no-python-downloads "$version" 2>/dev/null || true)"; do
    if is_version "$candidate" "$version"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  printf 'setup: no Python %s found; install one, or name it: %s=/path/to/python%s\n' "$version" "$named" "$version" >&2
  exit 3
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

case ${1:-} in
  "") environment=.venv pins=requirements-dev.txt python=$(find_python) ;;
  airflow-*) environment=.venv-$1 pins=requirements/$1.txt python=$(find_python_version 3.11) ;;
  python-*) environment=.venv-$1 pins=requirements-dev.txt python=$(find_python_version "${1#python-}") ;;
  *) environment=.venv-$1 pins=requirements/$1.txt python=$(find_python) ;;
esac
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
  # All is pinned; pip would look for dependencies all the same, and takes celery[redis] for another package than celery.
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement "$pins"
  [ -z "$with_package" ] ||
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
printf '%s\n' "$wanted" >"$stamp"
printf 'setup: done in %s s\n' "$((SECONDS - started))"
