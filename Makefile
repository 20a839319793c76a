# `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)
BIN := .venv/bin

.PHONY: help setup demo up test test-deep bench lint types imports wheel chromium mongod requirements clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.filled ## Fill .venv from the hash-pinned requirement files

.venv-uv/bin/uv:
	@echo "uv is not installed: bringing it in .venv-uv"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; } || { \
	  echo "Python's venv module is missing: on Debian, 'sudo apt-get install python3-venv' brings it"; exit 1; }
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/pip install --quiet --require-hashes --disable-pip-version-check -r requirements/uv.txt

.venv/.filled: requirements/development.txt pyproject.toml | $(filter .venv-uv/bin/uv,$(UV))
	@echo "Filling .venv (about 170 packages, once) ..."
	@[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/development.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## A demo shop, the app, Dagster and the HTTP side, with one command
	@exec $(BIN)/regulars demo

up: setup ## The same for the shop named in .env
	@exec $(BIN)/regulars up

test: lint types imports wheel chromium mongod ## Lint, types, import rules, a wheel in a clean environment, tests
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile -m 'not deep and not e2e and not browser'
	@$(BIN)/python -m pytest -q -m 'not deep and (e2e or browser)'  # these use all processors by themselves

test-deep: setup chromium mongod ## What is too long for every change: kills, whole histories, many cases
	@$(BIN)/python -m pytest -q -m deep --timeout=1800

bench: setup ## How fast it is at a million people, beside the same done by hand (minutes, 5 GB of disk)
	@$(BIN)/python -m benchmarks

lint: setup ## ruff, check and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: .venv/bin/ruff format ."; exit 1; }

types: setup ## mypy, strict
	@$(BIN)/mypy

imports: setup ## The walls between the packages
	@$(BIN)/lint-imports --no-logo

wheel: setup ## Build the wheel and import it in a clean environment
	@$(BIN)/python -m tests.wheel $(UV)

chromium: setup ## Debian's chromium for the browser tests, installed when run as root
	@missing="$$($(BIN)/python -m tests.chromium)"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing from Debian: $$missing fonts-noto-core"; apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing fonts-noto-core >/dev/null; \
	else echo "Browser tests will skip: 'sudo apt-get install $$missing' brings what they need"; fi

mongod: setup ## What the tests' real mongod is linked against, installed when run as root
	@missing="$$($(BIN)/python -m tests.mongod)"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing from Debian: $$missing"; apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "Tests on MongoDB will skip: 'sudo apt-get install $$missing' brings what they need"; fi

requirements: setup ## Pin the requirement files anew from pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements/product.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml --group development -o requirements/development.txt

clean: ## Remove what was built; data/ stays
	@rm -rf .venv .venv-uv dist build .mypy_cache .ruff_cache
