# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

# The first Python that is new enough; PYTHON=/path/to/python overrides it.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for name in $(CANDIDATES); do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

.PHONY: help install run test check bench format migration lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: .venv/installed ## Build the virtual environment in .venv

.venv/installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it, or set PYTHON=/path/to/python."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "No virtual environment could be made: on Debian and Ubuntu, install python3-venv."; exit 1; }
	@echo "Installing what the lock file names (half a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install ## Run everything on this machine: http://127.0.0.1:8000
	@exec $(BIN)/vms dev

test: install ## Run the whole test suite
	@$(BIN)/python -m pytest

check: install ## Formatting, lint, types, import rules, migrations, permissions, licences
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.check_migrations
	$(BIN)/python -m tests.write_permissions --check
	$(BIN)/python -m tests.write_licences --check

bench: install ## Measure: registration and scan beside bare asyncpg, uploads, reports
	$(BIN)/python -m bench.backbone
	$(BIN)/python -m bench.uploads
	$(BIN)/python -m bench.reports --quick

format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migration: install ## Write a migration from the models: make migration m="why"
	@test -n "$(m)" || { echo 'Say why: make migration m="why"'; exit 1; }
	$(BIN)/python -m tests.check_migrations --write "$(m)"

lock: ## Refresh the lock files (needs uv)
	uv pip compile pyproject.toml --extra dev --no-emit-package vms --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -o requirements-dev.lock
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -c requirements-dev.lock -o requirements.lock

clean: ## Remove the virtual environment and caches; data in .vms stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
