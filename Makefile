# `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
TYPESCRIPT := clients/typescript
PYTHON_TOOLS := clients/python/.venv
PROVIDER := tests/support/provider
PAGE_TOOLS := tests/reception_page/npm

# The first Python that is new enough; PYTHON=/path/to/python overrides it.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for name in $(CANDIDATES); do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)

.PHONY: help install run test test-faults test-scaling check check-types check-rules sbom node-is-new-enough lint-document tools client bench format migration lock clean

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

test-faults: install ## Stop, freeze and kill servers and processes: what is lost, what is late
	@MODEL_EXAMPLES=20 $(BIN)/python -m pytest -n 2 -m "" tests/faults tests/model

test-scaling: install ## Two API processes behind nginx, PgBouncer and a replica (apt-get install nginx-light pgbouncer caddy)
	@$(BIN)/python -m pytest -n 0 -m scaling tests/scaling

check: install ## Formatting, lint, types, import rules, migrations, permissions, licences
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-rules

check-types: install
	$(BIN)/mypy
	$(BIN)/mypy clients/examples

# Where Node.js must be, its packages are made once, however many targets of one run need them.
check-rules: install $(if $(CI),$(TYPESCRIPT)/node_modules/installed)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_migrations
	$(BIN)/python -m tools.write_permissions --check
	$(BIN)/python -m tools.write_events --check
	$(BIN)/python -m tools.write_pictures --check
	$(BIN)/python -m tools.write_openapi --check
	@$(MAKE) --no-print-directory lint-document
	$(BIN)/python -m tools.write_licences --check

sbom: install ## Write sbom.cdx.json, a bill of materials (CycloneDX)
	@$(BIN)/python -m tools.write_sbom

node-is-new-enough:
	@command -v npm >/dev/null || { echo "Node.js 20.19 or later and npm are needed."; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' || { \
		echo "Node.js 20.19 or later is needed; this is $$(node --version). Debian 12 has no newer one, but npm has:"; \
		echo "    npx --yes --package=node@22 -- make client"; exit 1; }

lint-document:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory $(TYPESCRIPT)/node_modules/installed && \
		echo "spectral lint openapi.json" && cd $(TYPESCRIPT) && npm run --silent lint-document; \
	elif test -n "$$CI"; then echo "Node.js and npm are missing."; exit 1; \
	else echo "LEFT OUT: the OpenAPI rules of spectral, which need Node.js 20 and npm."; fi

tools: $(TYPESCRIPT)/node_modules/installed $(PYTHON_TOOLS)/installed $(PROVIDER)/node_modules/installed $(PAGE_TOOLS)/node_modules/installed ## Install what makes clients of the API, and what tests of the directory and the desk need (needs Node.js 20.19 and npm)

$(TYPESCRIPT)/node_modules/installed: $(TYPESCRIPT)/package-lock.json
	@$(MAKE) --no-print-directory node-is-new-enough
	@echo "Installing what makes the TypeScript client (a minute) …"
	@cd $(TYPESCRIPT) && npm ci --silent
	@touch $@

$(PROVIDER)/node_modules/installed: $(PROVIDER)/package-lock.json
	@$(MAKE) --no-print-directory node-is-new-enough
	@cd $(PROVIDER) && npm ci --silent
	@touch $@

$(PAGE_TOOLS)/node_modules/installed: $(PAGE_TOOLS)/package-lock.json
	@$(MAKE) --no-print-directory node-is-new-enough
	@cd $(PAGE_TOOLS) && npm ci --silent
	@touch $@

$(PYTHON_TOOLS)/installed: clients/python/requirements.lock .venv/installed
	@$(BIN)/python -m venv $(PYTHON_TOOLS)
	@$(PYTHON_TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r clients/python/requirements.lock
	@touch $@

client: node-is-new-enough $(TYPESCRIPT)/node_modules/installed ## Make the TypeScript client of openapi.json in clients/typescript
	@cd $(TYPESCRIPT) && npm run --silent build

bench: install ## Measure up to a million visitors, beside the floors (Linux; about ten minutes)
	$(BIN)/python -m bench

format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migration: install ## Write a migration from the models: make migration m="why"
	@test -n "$(m)" || { echo 'Say why: make migration m="why"'; exit 1; }
	$(BIN)/python -m tools.check_migrations --write "$(m)"

lock: ## Refresh the lock files (needs uv)
	uv pip compile pyproject.toml --extra dev --no-emit-package vms --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -o requirements-dev.lock
	uv pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -c requirements-dev.lock -o requirements.lock
	uv pip compile pyproject.toml --extra sentry --extra tracing --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -c requirements-dev.lock -o requirements-all.lock
	echo "setuptools>=80" | uv pip compile - --no-annotate --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -c requirements-dev.lock -o requirements-build.lock
	uv pip compile clients/python/requirements.in --no-annotate --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" -q -o clients/python/requirements.lock

clean: ## Remove the virtual environment and caches; data in .vms stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info $(PYTHON_TOOLS) $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/src $(TYPESCRIPT)/dist $(PROVIDER)/node_modules $(PAGE_TOOLS)/node_modules
