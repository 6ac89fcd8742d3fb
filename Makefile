# Everything that a person types. `make` alone tells what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fmt lock chaos bench scorecard test-compose clean servers browser
MAKEFLAGS += --no-print-directory

# The first Python that is new enough.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin

# Tests wait for servers, browsers and clocks more than they compute: one more than there are cores.
WORKERS ?= $(shell expr $$(nproc) + 1)

# A stamp carries the checksum of what it was made from, so a second run costs nothing.
sum = $(shell cat $(1) 2>/dev/null | sha256sum | cut -c 1-16)
INSTALLED := .venv/.installed-$(call sum,requirements-dev.txt)
ASSETS := api/static/vendor/.complete-$(call sum,package-lock.json api/assets.py)

help: ## Show this
	@echo "Roadworthy: make ..."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) $(ASSETS) servers ## Fetch all that is needed (no root, two minutes the first time)

demo: setup ## Run the whole house with a simulated fleet; FOR=60 ends it after a minute
	@$(BIN)/python -m simulators demo $(if $(FOR),--for $(FOR))

test: lint browser setup ## Check style, types and imports, then run all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(INSTALLED) ## Check style, types and the arrows between the rooms
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: $(INSTALLED) ## Put the code in house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml

lock: $(INSTALLED) ## Pin anew what pyproject.toml asks for
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install uv
	@$(BIN)/$(LOCK) -o requirements.txt
	@$(BIN)/$(LOCK) --group dev -o requirements-dev.txt

chaos: setup ## Send 10,000 messages with senders killed at random
	@CHAOS_MESSAGES=10000 $(BIN)/python -m pytest tests/care/test_chaos_sends.py

bench: setup ## Measure against the numbers to beat
	@$(BIN)/python -m simulators bench

scorecard: setup ## Live through a world of known truth (a quarter of an hour), write docs/scorecard.md
	@$(BIN)/python -m simulators world --markdown docs/scorecard.md --json docs/scorecard.json

test-compose: setup ## Bring up docker-compose.yml for real (needs Docker)
	@tests/compose.sh

clean: ## Stop the local servers, and remove their data and all that make made here
	@if $(BIN)/python -c 'import psycopg' 2>/dev/null; then $(BIN)/python -m record local erase; fi
	rm -rf .venv .local node_modules api/static/vendor .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements-dev.txt
ifeq ($(PYTHON),)
	@echo "Roadworthy needs Python 3.11 or newer, and found none. Debian 12 and Ubuntu 24.04 have" \
		"it: sudo apt-get install python3" >&2; exit 1
endif
	@[ -x $(BIN)/pip ] || { echo "python: making .venv with $(PYTHON)"; $(PYTHON) -m record.bootstrap .venv; }
	@echo "python: installing packages (a minute the first time)"
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install -r $<
	@rm -f .venv/.installed-*; touch $@

$(ASSETS): $(INSTALLED)
	@echo "web assets: fetching"
	@$(BIN)/python -m api.assets
	@rm -f api/static/vendor/.complete-*; touch $@

# Whoever has servers of their own (DATABASE_URL, MQTT_URL) needs no local ones.
servers: $(INSTALLED)
	@[[ -n "$${DATABASE_URL:-}" && -n "$${MQTT_URL:-}" ]] || $(BIN)/python -m record local fetch

# The stories look at the pages in a real browser.
browser:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "browser: installing chromium and fonts"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update; \
		apt-get -qq -y --no-install-recommends install \
			chromium fonts-noto-cjk fonts-noto-color-emoji >/dev/null; \
	else \
		echo "The browser tests need Chromium, and it isn't here. Install it, then try again:" >&2; \
		echo "  sudo apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji" >&2; \
		exit 1; \
	fi
