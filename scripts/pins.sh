#!/usr/bin/env bash
# Writes requirements-dev.txt: every package with its hashes and without any address, for pip and uv alike.
set -euo pipefail
cd "$(dirname "$0")/.."
# The newest supported Airflow; its patch release is chosen by hand.
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
printf 'apache-airflow==3.3.2\n' >"$constraints"
uv pip compile pyproject.toml --extra dev --constraint "$constraints" --universal --python-version 3.11 \
  --no-header --no-annotate --no-emit-index-url --generate-hashes --quiet --output-file requirements-dev.txt "$@"
