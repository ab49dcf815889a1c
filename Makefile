# The few commands of this project; `make` alone lists them. Needs Python 3.11 or newer; where npm is too, the tests also run what
# others make of our documents in TypeScript and Postman.
# The virtual environment is made from the hash-locked files in requirements/ and is rebuilt only when they change.

PYTHON  ?=
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet
NODE    := tests/node/node_modules
# One more than CI has cores: tests wait for servers and disks as much as they compute.
WORKERS ?= 3
ARGS    ?=
# Compiled modules are kept, whatever the machine prefers: without them every process that is started takes half a second more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run venv test test-all experiments faults lint format lock bench released clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.base  ## start a backend on http://127.0.0.1:8000 (ARGS=… is handed to `stillroom serve`)
	@$(BIN)/python -m app.main serve $(ARGS)

venv: $(VENV)/.dev  ## make .venv with all that the tests need

test: $(VENV)/.dev $(NODE)/.installed  ## run the tests (ARGS="tests/unit -k rules" narrows them down, WORKERS=0 debugs)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-all: export STILLROOM_TEST_CASES ?= 20000
test-all: $(VENV)/.dev $(NODE)/.installed  ## run the tests with many more generated cases, and the long ones
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --long --timeout 3600 $(ARGS)

experiments: $(VENV)/.dev  ## move money while servers are killed, flood sign-ins, time refusals: for minutes; tells its figures
	@$(BIN)/python -m pytest --long --timeout 3600 -rP tests/faults/money/test_long.py tests/e2e/test_sign_in_flood.py \
	  tests/e2e/test_same_time.py $(ARGS)

faults: $(VENV)/.dev  ## kill whatever asks for jobs, carries them, runs them, hands events over and tells other servers, on both databases: for a quarter of an hour
	@$(BIN)/python -m pytest --long --timeout 3600 -rP tests/faults/jobs tests/faults/webhooks tests/e2e/test_event_kills.py $(ARGS)

lint: $(VENV)/.dev  ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --config setup.cfg --no-logo
	@$(BIN)/mypy

format: $(VENV)/.dev  ## mend what ruff can mend
	@$(BIN)/ruff check --fix .

lock: $(VENV)/.dev  ## write requirements/*.txt anew from *.in (ARGS="--upgrade-package flask", or --upgrade for all)
	@for name in base dev; do \
	  $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(ARGS) \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

bench: $(VENV)/.dev  ## measure this build (ARGS="--help" tells how)
	@$(BIN)/python -m bench $(ARGS)

released: $(VENV)/.dev  ## keep the OpenAPI document of this version as that of the last release (when releasing, never to quiet a test)
	@$(BIN)/python -m app.main openapi --generic | $(BIN)/python -m json.tool --indent 1 --no-ensure-ascii > docs/dev/released-openapi.json

clean:  ## remove the virtual environment, the tests' node_modules and what the tools left behind, never ./data
	@rm -rf $(VENV) $(NODE) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment -------------------------------------------------------------------------------------

$(VENV)/.base: requirements/base.txt | $(VENV)/bin/stillroom
	@echo "Installing what Stillroom needs (once)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/stillroom
	@echo "Installing what the tests need (once)"
	@$(PIP) install --require-hashes -r $<
	@touch $(VENV)/.base $@

# The command of a checkout: the package itself is not installed, so that names like `app` stay out of site-packages.
$(VENV)/bin/stillroom: | $(VENV)/bin/python
	@printf '%s\n' '#!/bin/sh' 'here=$$(cd "$$(dirname "$$0")/../.." && pwd)' \
	  'PYTHONPATH="$$here$${PYTHONPATH:+:$$PYTHONPATH}" exec "$$here/.venv/bin/python" -m app.main "$$@"' > $@
	@chmod +x $@

$(VENV)/bin/python:
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); \
	  echo "Python could not make a virtual environment. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; \
	done; \
	echo "Stillroom needs Python 3.11 or newer, and $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1)." \
	  "Install a newer one, or name it: make PYTHON=/path/to/python3.13" >&2; exit 1

# --- what the tests run with Node --------------------------------------------------------------------------------

# Without npm nothing is installed, and the tests that need it skip (tests/clients says how to get them).
$(NODE)/.installed: tests/node/package.json tests/node/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo "Installing what the tests run with Node (once)"; \
	  npm ci --prefix tests/node --no-audit --no-fund --ignore-scripts --loglevel=error && touch $@; \
	fi
