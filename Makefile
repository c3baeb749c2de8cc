# `make help` lists what there is. Everything is installed into .venv and nowhere else.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
# The first Python on the PATH that is new enough; `make PYTHON=/path/to/python …` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; exit; }; done; echo python3)
# Not compiled ahead: a small part of all modules is ever imported, and Python compiles that part then.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-compile
# pip's long output as a count, which a terminal shows in one line.
count = awk -v total="$$(grep -c '^[A-Za-z0-9].*==' $1)" -v terminal="$$([ -t 2 ] && echo 1 || echo 0)" \
	'function show(text) { printf (terminal ? "\r  %-60s" : "  %s\n"), text; fflush() } \
	/^(Collecting|Requirement already)/ { n++; if (terminal || n % 40 == 0) show(n " of about " total " packages") } \
	/^Installing collected/ { show("unpacking them …") } END { if (terminal) print "" }'
STATEMENTS ?=
DATA ?=
SUITE ?=
VERSION ?= 1.0.3
GREP ?=
LOGS ?=

.PHONY: help setup check test integration conformance bench bench-reading bench-identity smoke demo requirements jars dashboards clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(VENV)/.jars ## Install the locked requirements, this checkout and Kafka's jars into .venv

check: $(VENV)/.ready-dev ## Lint, types, direction of imports, and whether locks and dashboards are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python requirements/lock.py --check
	$(BIN)/python -m grafana.dashboards --check

test: $(VENV)/.ready-dev $(VENV)/.jars $(VENV)/.javascript ## Every test that this machine can run
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

integration: $(VENV)/.ready-dev $(VENV)/.jars ## The tests on the running product (JALON_TEST_STACK=embedded|external|testcontainers)
	$(BIN)/python -m pytest tests/integration

conformance: $(VENV)/.ready-dev $(VENV)/.jars ## Run the public suite in SUITE=DIR against a throw-away instance (VERSION=1.0.3|2.0.0 [GREP=PATTERN] [LOGS=DIR])
	@test -n "$(SUITE)" || { echo "Say where the suite is: make conformance SUITE=DIR [VERSION=1.0.3|2.0.0]" >&2; exit 2; }
	@$(BIN)/python -m tests.conformance "$(SUITE)" --version $(VERSION) $(if $(GREP),--grep "$(GREP)") $(if $(LOGS),--logs "$(LOGS)")

bench: setup ## Measure throughput, freshness, memory and what checking statements costs
	$(BIN)/python -m benchmarks

bench-reading: setup ## Measure look-ups and pages at 100 thousand, 1 million and 10 million statements
	$(BIN)/python -m benchmarks.reading

bench-identity: $(VENV)/.ready-dev $(VENV)/.jars ## Measure pseudonymising and sealing with 100 thousand learners in the vault
	$(BIN)/python -m benchmarks.identity

smoke: setup ## Import STATEMENTS=FILE into a throw-away instance (with DATA=DIR, one that keeps its data there)
	@test -n "$(STATEMENTS)" || { echo "Say which file: make smoke STATEMENTS=FILE [DATA=DIR]" >&2; exit 2; }
	@$(BIN)/jalon smoke "$(STATEMENTS)" $(if $(DATA),--data "$(DATA)")

demo: setup ## Run the product with a simulated day of an institute, and live events after it
	@$(BIN)/jalon demo

requirements: $(VENV)/.ready-dev ## Lock the requirements again, after a change in pyproject.toml
	$(BIN)/python requirements/lock.py

dashboards: $(VENV)/.ready ## Write the dashboards' JSON again
	$(BIN)/python -m grafana.dashboards

clean: ## Remove what was made here: .venv, caches, builds. Data (.jalon) stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Jalon needs Python 3.11 or later: install it, or name it with make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the requirements …"
	@$(PIP) --require-hashes -r requirements/run.txt | $(call count,requirements/run.txt)
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-dev: requirements/dev.txt $(VENV)/.ready
	@echo "Installing the development tools …"
	@$(PIP) --require-hashes -r requirements/dev.txt | $(call count,requirements/dev.txt)
	@touch $@

$(VENV)/.jars: jalon/runtime/kafka_jars.json | $(VENV)/.ready
	@$(BIN)/jalon run jars
	@touch $@

# The JavaScript client of tests/contract; without Node.js its tests are skipped.
$(VENV)/.javascript: $(addprefix tests/contract/javascript/,package.json package-lock.json .npmrc) | $(VENV)/bin/python
	@if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then \
		echo "Node.js 18 or later and npm are not there: the tests of the JavaScript client will be skipped." >&2; \
	else \
		echo "Installing the JavaScript client of the tests …"; \
		mkdir -p $(VENV)/javascript; cp $^ $(VENV)/javascript; (cd $(VENV)/javascript; npm ci); \
		touch $@; \
	fi
