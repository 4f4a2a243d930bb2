#!/usr/bin/env bash
# Writes requirements-dev.txt and requirements/*.txt: every package with its hashes and without any address, for pip and uv
# alike.
set -euo pipefail
cd "$(dirname "$0")/.."
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
resolve=(uv pip compile --universal --python-version 3.11 --no-header --quiet --constraint "$constraints")
compile=("${resolve[@]}" --no-annotate --no-emit-index-url --generate-hashes)

: >"$constraints"
for name in docs release; do
  "${compile[@]}" "requirements/$name.in" --output-file "requirements/$name.txt" "$@"
done

# The newest supported Airflow; its patch release is chosen by hand.
printf 'apache-airflow==3.3.2\n' >"$constraints"
"${compile[@]}" pyproject.toml --all-extras --group dev --output-file requirements-dev.txt "$@"
"${compile[@]}" pyproject.toml requirements/distributed.in --extra simulator --extra redis --extra postgres \
  --output-file requirements/distributed.txt "$@"

# The oldest, in its newest patch release, and with it the oldest of everything that pyproject.toml asks for at run time.
# Airflow 3.1 sets off SQLAlchemy 2.1's deprecation warnings.
printf '%s\n' 'apache-airflow==3.1.8' 'sqlalchemy<2.1' >"$constraints"
oldest=$("${resolve[@]}" pyproject.toml --all-extras --resolution lowest-direct --annotation-style line |
  sed -n 's/ *#.*airflow-provider-campaigns.*//p')
printf '%s\n' "$oldest" >>"$constraints"
"${compile[@]}" pyproject.toml --all-extras --group dev --output-file requirements/airflow-3.1.txt "$@"
