# `make` alone prints what there is to do. Every target sets up what it needs.

PYTHON ?= python3
DEMO ?=
ARGS ?=
LOCKFLAGS ?=
# Nothing here reports to anyone, and threads that wait leave the cores to others.
export MLFLOW_DISABLE_TELEMETRY ?= true
export OMP_WAIT_POLICY ?= passive

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK_VENV := .venv-lock

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench bench-http chaos quality worth lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## set up .venv from requirements.lock (PYTHON=python3.12 to choose the interpreter)
	@echo "$(VENV) is ready."

demo: $(STAMP) ## simulate, train, score and serve (DEMO=--no-serve to stop before serving)
	@$(BIN)/tegakari demo $(DEMO)

test: $(STAMP) ## run the tests (ARGS="-k name -x" to choose)
	@$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## what CI runs: format, lint, types, import order, tests, notebooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

bench: $(STAMP) ## print how fast features and answers are here (ARGS=--large for 100M events, --training to train)
	@$(BIN)/python -m training.bench $(ARGS)

bench-http: $(STAMP) ## print how fast the service is, beside references (needs wrk; ARGS="--only NAME")
	@$(BIN)/python -m serving.bench $(ARGS)

chaos: $(STAMP) ## kill, fill up and cut off a running service, and print what it survives (ARGS="--only NAME")
	@$(BIN)/python -m serving.chaos $(ARGS)

quality: $(STAMP) ## print how good the model is, with intervals (ARGS=...)
	@$(BIN)/python -m training.quality $(ARGS)

worth: $(STAMP) ## print what each family of features adds (ARGS=--write keeps it in the README)
	@$(BIN)/python -m training.worth $(ARGS)

lock: ## write requirements.lock again from pyproject.toml (LOCKFLAGS=--upgrade for newer versions)
	@$(PYTHON) -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --quiet uv
	$(LOCK_VENV)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-config --no-emit-index-url --no-emit-find-links \
		--custom-compile-command 'make lock' --quiet --output-file requirements.lock $(LOCKFLAGS)
	@rm -rf $(LOCK_VENV)

clean: ## remove .venv, caches and build products; data and models in var/ stay
	rm -rf $(VENV) $(LOCK_VENV) build dist *.egg-info
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.git -prune -o -path ./var -prune -o \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +

# `.installing` becomes the stamp at the very end. Where it is found at the start, an install was
# interrupted, and what it left behind may be half a package: begin again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Tegakari needs Python 3.11 or newer;" \
			"'$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo 'not there')." \
			"Name another one: make install PYTHON=python3.12" >&2; exit 1; }
	@if [ -e $(VENV)/.installing ]; then rm -rf $(VENV); fi
	@$(PYTHON) -m venv $(VENV) || { \
		echo "'$(PYTHON) -m venv' failed." \
			"On Debian and Ubuntu it comes with: apt-get install python3-venv" >&2; exit 1; }
	@touch $(VENV)/.installing
	@echo "Installing the pinned packages into $(VENV): one to three minutes, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@mv $(VENV)/.installing $@
