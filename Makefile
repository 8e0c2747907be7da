# gridgate: what to run. Every target makes what it needs; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
READY := .venv/.gridgate-ready
SET_UP := make/set_up.sh
LOCKS := requirements/bench.lock requirements/appliance.lock
ARGS ?=

.PHONY: help
help: ## list the targets
	@echo 'gridgate: make TARGET [ARGS="..."]'
	@awk -F ':[^#]*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' Makefile

$(READY): $(SET_UP) $(LOCKS) pyproject.toml
	@$(SET_UP)

.PHONY: demo
demo: $(READY) ## the whole bench, two minutes; ARGS="--meters 40 --seed 7 --plot", see ARGS=--help
	@$(BIN)/gridgate-hil demo $(ARGS)

.PHONY: test
test: lint ## all that must pass before a merge: lint, types, tests (under 25 minutes on 2 cores)
	@echo '== tests: architecture, unit, rig, end to end'
	@$(BIN)/pytest $(ARGS)

.PHONY: unit
unit: $(READY) ## architecture and unit tests only (under 20 s)
	@$(BIN)/pytest -m 'not rig and not e2e' $(ARGS)

.PHONY: soak
soak: $(READY) ## the long campaigns: ten seeds, 40 meters, 50 kills, 2400 bit/s (about an hour)
	@$(BIN)/pytest -v -m soak tests $(ARGS)

.PHONY: bench
bench: $(READY) ## the figures: decode, append, start, memory (about 2 minutes)
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: lint
lint: $(READY) ## ruff and mypy, nothing is changed
	@echo '== ruff check'
	@$(BIN)/ruff check
	@echo '== ruff format --check'
	@$(BIN)/ruff format --check
	@echo '== mypy --strict'
	@$(BIN)/mypy

.PHONY: format
format: $(READY) ## let ruff format the code and mend what it can
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: clean
clean: ## remove everything that was made, the virtual environment included
	rm -rf build dist .venv *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
