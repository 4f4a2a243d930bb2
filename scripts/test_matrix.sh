#!/usr/bin/env bash
# Runs what meets Airflow on the oldest of everything that is supported, then on the newest; `make test` is between the two,
# with the newest Airflow on whatever Python is there, and runs all. CELLS="airflow-3.1" names those to run.
#
# A cell whose Python is not on this machine is left out, and a line before the first test says so. What comes last is
# pytest's own line, unless a cell failed.
set -euo pipefail
cd "$(dirname "$0")/.."

cells=()
for cell in ${CELLS:-airflow-3.1 python-3.13}; do
  outcome=0
  scripts/setup.sh "$cell" || outcome=$?
  case $outcome in
    0) cells+=("$cell") ;;
    3) printf 'test-matrix: %s is left out, because this machine does not have its Python\n' "$cell" ;;
    *) exit "$outcome" ;;
  esac
done
if [ ${#cells[@]} -eq 0 ]; then
  printf 'test-matrix: nothing was run\n' >&2
  exit 1
fi

failed=()
for cell in "${cells[@]}"; do
  printf '\ntest-matrix: %s\n' "$cell"
  "${MAKE:-make}" --no-print-directory test CELL="$cell" || failed+=("$cell")
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'test-matrix: failed on %s\n' "${failed[*]}" >&2
  exit 1
fi
