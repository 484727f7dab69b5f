# Everything a person or CI runs. The tools live in .venv; nothing is installed outside it but by `make engine`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check fix docs engine clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## install ttcdata and its tools into .venv (needs Python 3.11 or newer)

# uv installs in seconds what pip takes a minute for, but does not read pip's settings: the index is handed on.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ttcdata needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing); run make PYTHON=python3.11" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@index="$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}"; \
		$(BIN)/uv pip install --quiet --python $(BIN)/python $${index:+--default-index "$$index"} \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## build a small dataset into out/demo and show it
	@$(BIN)/python -m ttc_data.environments.engine --or-bubblewrap
	$(BIN)/ttcdata build recipes/demo.yaml --out out/demo
	$(BIN)/ttcdata show out/demo --rows 3

test: install $(if $(CI),engine) ## run the tests (with CI set: no engine is a failure, not a skip)
	$(BIN)/pytest

check: install ## lint, formatting and types, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: install ## repair what the linter and the formatter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## regenerate schemas/ and docs/cli.md
	$(BIN)/python -m ttc_data.publish.schema schemas
	$(BIN)/python -m ttc_data.cli.reference docs/cli.md

engine: install ## make a Docker engine and a base image usable on this machine
	@$(BIN)/python -m ttc_data.environments.engine

clean: ## remove caches and built packages; builds in out/ and .venv stay
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -path ./$(VENV) -prune -o -path ./out -prune -o -name __pycache__ -type d -exec rm -rf {} +
