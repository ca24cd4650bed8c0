.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most of a test of the console is waiting for it to settle.
WORKERS ?= $(shell expr 2 \* $$(nproc))
PIP_OPTIONS ?= --quiet --disable-pip-version-check

.PHONY: help demo test lint types imports tests format bench screenshots clean

help: ## Show what can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Vestnik needs Python 3.11 or newer; say which with: make PYTHON=python3.12 …"; exit 1; }
	@echo "Setting up $(VENV) (once, some 20 seconds) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install $(PIP_OPTIONS) -c constraints.txt -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	@echo "Adding what the tests need …"
	@$(BIN)/pip install $(PIP_OPTIONS) -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/ready-bench: $(VENV)/ready-dev
	@echo "Adding what the benches compare with …"
	@if $(BIN)/pip install $(PIP_OPTIONS) -c constraints.txt -e '.[bench]'; then touch $@; else echo "They cannot be had: their benches are left out."; fi

demo: $(VENV)/ready ## See a service desk's notifications being dispatched live
	@$(BIN)/vestnik demo

test: lint types imports tests ## Lint, types, import contracts, tests with coverage and screenshots

lint: $(VENV)/ready-dev ## Style and mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/ready-dev ## Types, strict
	@$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(VENV)/ready-dev ## Import contracts
	@$(BIN)/lint-imports

tests: $(VENV)/ready-dev ## Tests, with the coverage gate
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term

format: $(VENV)/ready-dev ## Format the code
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

bench: $(VENV)/ready-bench ## Figures, as ratios against a baseline of the same run; BENCH="peers 20000" for one of them
	@$(BIN)/python -m tests.bench $(BENCH)

screenshots: $(VENV)/ready-dev ## Draw the screenshots anew
	@$(BIN)/python -m pytest -q tests/tui/test_screenshots.py --update-screenshots

clean: ## Remove the environment and what tools left
	@rm -rf $(VENV) .coverage* .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
