# The interface to this repository; `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# CELL=airflow-3.1 or CELL=python-3.13 has a target run there; `make test-matrix` runs the tests in each.
CELL :=
PYTHON_ENV := .venv$(if $(CELL),-$(CELL))/bin/python
# A file's tests stay together, for they may share an Airflow. A third worker would be a third Airflow on two cores.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
# Some shells forbid to write it; without that of the tests each worker takes 12 s longer to begin.
unexport PYTHONDONTWRITEBYTECODE
# Its theme tells of its successor at every start.
MKDOCS := NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs

.PHONY: help setup demo airflow simulator test coverage test-browser test-crash test-evening test-matrix test-package test-distributed check \
  format bench build audit docs docs-serve pins clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv what requirements-dev.txt says; the other targets do it by themselves
	@scripts/setup.sh $(CELL)

setup-%:
	@scripts/setup.sh $*

demo: setup ## Run the example lifecycle on a real Airflow against the simulator, and end everything
	@$(PYTHON_ENV) -m demo run

airflow: setup ## Keep a seeded Airflow with its UI until Ctrl-C (PORT=8080 chooses its port)
	@$(PYTHON_ENV) -m demo airflow $(if $(PORT),--port $(PORT))

simulator: setup ## Keep the simulator alone until Ctrl-C
	@$(PYTHON_ENV) -m airflow_provider_campaigns.simulator

test: setup ## Run the tests (TESTS="tests/actions/stopping -k scheduled" some of them)
	$(PYTHON_ENV) -m pytest $(or $(TESTS),$(PARALLEL) $(if $(CELL),--cell $(CELL)))

coverage: setup ## Run the tests, and say which lines and branches none of them has met
	@rm -f .coverage .coverage.*
	$(PYTHON_ENV) -m coverage run -m pytest $(PARALLEL)
	@$(PYTHON_ENV) -m coverage combine --quiet
	$(PYTHON_ENV) -m coverage report --fail-under 95
	$(PYTHON_ENV) -m coverage report --fail-under 100 --include '*/kore/*,*/actions/*,*/reports/*,*/calling_hours*.py'

test-browser: setup ## Look at the report's page and at Airflow's user interface in Chromium (3 minutes)
	@scripts/browser.sh
	$(PYTHON_ENV) -m pytest tests/browser

test-crash: setup ## Kill what can be killed while it works, and judge what is left (7 minutes)
	$(PYTHON_ENV) -m pytest $(PARALLEL) tests/crash

test-evening: setup ## Run whole evenings on a real Airflow, each with a mishap of its own (2 minutes)
	$(PYTHON_ENV) -m pytest tests/evening

test-matrix: ## Run what meets Airflow on the oldest of everything, and on the newest Python (CELLS=airflow-3.1 one of them)
	@scripts/test_matrix.sh

test-package: build setup-release ## Install what is built into empty environments, and look at it there
	$(PYTHON_ENV) -m pytest tests/distribution

test-distributed: setup-distributed ## Run an evening on Postgres, Redis and two Celery workers, and kill one at the close; share a request budget (10 minutes)
	@scripts/services.sh
	.venv-distributed/bin/python -m pytest tests/distributed

check: setup ## Lint and type-check
	$(PYTHON_ENV) -m ruff check .
	$(PYTHON_ENV) -m ruff format --check .
	$(PYTHON_ENV) -m mypy

format: setup ## Format the code
	$(PYTHON_ENV) -m ruff check --fix .
	$(PYTHON_ENV) -m ruff format .

bench: setup ## Measure the figures in benchmarks/README.md
	$(PYTHON_ENV) -m benchmarks

build: setup ## Build wheel and sdist into dist/
	@$(PYTHON_ENV) scripts/build.py

audit: setup setup-release ## Look up known vulnerabilities of everything that is pinned (needs a network)
	@.venv-release/bin/python scripts/audit.py requirements-dev.txt

docs: setup-docs ## Build the documentation site into site/
	@$(MKDOCS) build

docs-serve: setup-docs ## Show the documentation site while it is being written, until Ctrl-C
	@$(MKDOCS) serve --dev-addr 127.0.0.1:$(or $(PORT),8000)

pins: ## Write the files of pinned requirements anew (needs uv)
	@scripts/pins.sh

clean: ## Remove everything that these targets made
	rm -rf .venv .venv-* .airflow build dist site .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage
