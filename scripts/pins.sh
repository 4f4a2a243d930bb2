#!/usr/bin/env bash
# Writes requirements-dev.txt and requirements/docs.txt: every package with its hashes and without any address, for pip
# and uv alike.
set -euo pipefail
cd "$(dirname "$0")/.."
# The newest supported Airflow; its patch release is chosen by hand.
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
printf 'apache-airflow==3.3.2\n' >"$constraints"
compile=(uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --generate-hashes --quiet)
"${compile[@]}" pyproject.toml --extra dev --constraint "$constraints" --output-file requirements-dev.txt "$@"
"${compile[@]}" requirements/docs.in --output-file requirements/docs.txt "$@"
