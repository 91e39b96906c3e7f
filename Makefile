# The menu of recours. `make help` prints it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := shared services deploy tests

.DEFAULT_GOAL := help
.PHONY: help setup demo up engines test test-unit test-platform test-browser faults bench test-engines lint format contracts lock clean

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment from the hash-pinned lock

$(READY): requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "recours needs Python 3.11, 3.12 or 3.13: run make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## Play one whole case on the embedded platform, audit it, write var/demo
	$(BIN)/recours demo --yes

up: $(READY) ## Start the embedded platform on this machine, until Ctrl-C
	$(BIN)/recours up

engines: $(READY) ## Get and build Kafka, MinIO and Sigstore's timestamp authority (Java, Maven, Go; minutes at first)
	$(BIN)/python -m deploy.engines

test: test-unit test-platform ## Run every test

test-unit: $(READY) ## Run the tests with sockets closed; domains at 100 % of branches
	$(BIN)/pytest -n auto -m "not platform and not loopback and not browser and not faults" \
	  --disable-socket --allow-unix-socket --cov --cov-report=
	$(BIN)/coverage report --skip-covered --sort=cover
	$(BIN)/coverage report --include='services/*/domain.py,services/*/domain/*' --fail-under=100 --format=total

test-platform: $(READY) ## Run the tests that need sockets, most of them on real processes
	$(BIN)/pytest -n 2 -m "(platform or loopback) and not browser"

test-browser: $(READY) ## Try the pages in Chromium; gets the browser (as root) and axe-core (by npm) first
	$(BIN)/python -m tests.browser.install
	$(BIN)/pytest -m browser

test-engines: engines ## Run the flows, and what is about engines, on Kafka, MinIO and Sigstore
	$(BIN)/pytest -n 2 --engines real tests/engines tests/flows \
	  tests/shared/runtime/test_runtime_on_processes.py tests/shared/runtime/test_returning_on_processes.py

faults: $(READY) ## Break services and engines on purpose: does everything promised still hold? (minutes)
	$(BIN)/pytest -n 4 -m faults tests/faults

bench: $(READY) ## Measure speed against the bare parts, print a table, write var/bench (an hour; ARGS="--rows bus")
	$(BIN)/python -m tests.bench $(ARGS)

lint: $(READY) ## Check style, types, import rules, contracts
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy shared services deploy
	$(BIN)/lint-imports
	$(BIN)/python -m shared.contracts.schemas check

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

contracts: $(READY) ## Generate JSON Schemas and AsyncAPI from the models; refuses a breaking change
	$(BIN)/python -m shared.contracts.schemas write

lock: $(READY) ## Resolve the dependencies anew into the hash-pinned locks
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra embedded pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --extra embedded --extra dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the virtual environment, caches and everything under var
	rm -rf $(VENV) var build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
