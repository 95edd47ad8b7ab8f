# Each target makes .venv from requirements.lock when it is absent or older than the lock: python3, pip and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed-from-lock
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DEMO ?= demo
# One process of tests a core, each with one thread.
WORKERS ?= 2

.PHONY: help demo test check format lint types slow wheel ci docs lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(INSTALLED) ## the whole road on generated images: data, training, evaluation, report, the pages
	$(BIN)/onelook demo --out $(DEMO)

test: $(INSTALLED) ## every test that takes seconds
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -m "not slow"

check: lint types test ## format, lint, strict types, tests

lint: $(INSTALLED) ## format and lint, changing nothing
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(INSTALLED) ## strict types
	$(BIN)/mypy

slow: $(INSTALLED) ## the tests that take minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --durations 12 -m slow

format: $(INSTALLED) ## write the format, and what lint can mend by itself
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

# Files left in build/ by an earlier wheel would end up in the next.
wheel: $(INSTALLED) ## build the wheel, and use it in an environment without torch
	rm -rf build dist
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	$(PYTHON) -m venv build/without-torch
	build/without-torch/bin/python -m pip --disable-pip-version-check -qq install --constraint requirements.lock dist/onelook-*.whl
	cd build && without-torch/bin/python ../tests/without_torch.py

ci: check wheel slow ## everything that a change must pass

docs: $(INSTALLED) ## write docs/commands.md from --help, and docs/openapi.json from the app
	$(BIN)/python docs/generate_commands.py
	$(BIN)/python docs/generate_openapi.py

lock: ## write requirements.lock anew from the ranges in pyproject.toml; torch stays at its version
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check -qq install "$$(grep ^torch== requirements.lock)" ".[all,dev]" setuptools
	sed -n '/^#/p' requirements.lock > build/requirements.lock
	build/lock/bin/python -m pip freeze --all --exclude pip --exclude onelook | sed 's/+.*//' >> build/requirements.lock
	mv build/requirements.lock requirements.lock

clean: ## remove what was made, .venv included
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis src/onelook.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "onelook needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11")'
	@echo "installing into $(VENV) from requirements.lock, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
