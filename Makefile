# Everything a person or CI runs. The tools live in .venv, those of `make test-llm` and `make test-train` in .venv-llm and .venv-train;
# nothing is installed outside but by `make engine`, `make browser` and `make slurm`, which CI runs too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LLM_VENV := .venv-llm
LLM_BIN := $(LLM_VENV)/bin
LLM_STAMP := $(LLM_VENV)/.installed
LLM := tests/real_model
TRAIN_VENV := .venv-train
TRAIN_BIN := $(TRAIN_VENV)/bin
TRAIN_STAMP := $(TRAIN_VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-llm test-train fuzz check fix docs engine browser slurm clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	@$(BIN)/python -m ttc_data.hosts.engine --or-bubblewrap
	$(BIN)/ttcdata build recipes/demo.yaml --out out/demo
	$(BIN)/ttcdata show out/demo --rows 3

test: install $(if $(CI),engine browser) ## run the tests (with CI set: no engine and no browser are failures, not skips)
	$(if $(CI),-@$(BIN)/python -m tests.train.cluster)
	$(BIN)/pytest --numprocesses $(or $(PROCESSES),logical) --maxprocesses 4
	$(if $(CI),$(MAKE) test-train)

test-llm: $(LLM_STAMP) ## run a whole build with a real small model in a real vLLM, on the processor (fetches gigabytes)
	@$(LLM_BIN)/python -m ttc_data.hosts.engine --or-bubblewrap
	CI=true $(LLM_BIN)/pytest -m vllm $(LLM)

test-train: $(TRAIN_STAMP) ## train a model of a few thousand weights with TRL, on the processor (fetches gigabytes)
	@$(TRAIN_BIN)/python -m ttc_data.hosts.engine --or-bubblewrap
	-@$(TRAIN_BIN)/python -m tests.train.cluster
	CI=true $(TRAIN_BIN)/pytest -m trl tests/train

# The files of $(LLM) say what, in which versions, and what not. Pip's folders of wheels are handed on too: one of them may
# have a torch that was built for the processor alone, which is a tenth of PyPI's.
$(LLM_STAMP): pyproject.toml $(wildcard $(LLM)/*.txt) $(LLM)/make.py | $(STAMP)
	@$(PYTHON) -m tests.real_model.needs
	@echo 'fetching vLLM and what it needs into $(LLM_VENV): 1 GB, or 4 GB with PyPI'\''s torch' >&2
	@$(PYTHON) -m venv --clear $(LLM_VENV)
	@index="$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}"; \
		for wheels in $${PIP_FIND_LINKS:-$$($(BIN)/pip config get global.find-links 2>/dev/null || true)}; do \
			set -- "$$@" --find-links "$$wheels"; done; \
		$(BIN)/uv pip install --quiet --python $(LLM_BIN)/python $${index:+--default-index "$$index"} "$$@" \
		--constraint $(LLM)/constraints.txt --override $(LLM)/overrides.txt \
		--requirement $(LLM)/requirements.txt --editable .
	@$(LLM_BIN)/python -m tests.real_model.make $(LLM_VENV)/model
	@touch $@

fuzz: install ## throw unsound sets, locks, answers, patches and recipes at the readers for an hour
	$(BIN)/python -m tests.foreign.fuzz --seconds $(or $(SECONDS),3600)

check: install ## lint, formatting and types, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: install ## repair what the linter and the formatter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## regenerate schemas/, docs/cli.md, DATASETS.md and the drawing of docs/architecture.md
	$(BIN)/python -m ttc_data.publish.schema schemas
	$(BIN)/python -m ttc_data.cli.reference docs/cli.md
	$(BIN)/python -m ttc_data.publish.catalogue DATASETS.md docs/datasets
	$(BIN)/python scripts/architecture.py docs/architecture.md

# A torch in one of pip's folders of wheels that was built for the processor alone is taken before PyPI's, which brings CUDA.
$(TRAIN_STAMP): pyproject.toml | $(STAMP)
	@echo 'fetching TRL and torch into $(TRAIN_VENV): 0.5 GB, or 4 GB with PyPI'\''s torch' >&2
	@$(PYTHON) -m venv --clear $(TRAIN_VENV)
	@index="$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}"; \
		for wheels in $${PIP_FIND_LINKS:-$$($(BIN)/pip config get global.find-links 2>/dev/null || true)}; do \
			set -- "$$@" --find-links "$$wheels"; done; \
		$(BIN)/uv pip install --quiet --python $(TRAIN_BIN)/python $${index:+--default-index "$$index"} "$$@" \
		--constraint tests/train/constraints.txt --editable '.[train]' pytest
	@touch $@

engine: install ## make a Docker engine and a base image usable on this machine
	@$(BIN)/python -m ttc_data.hosts.engine

browser: install ## make Chromium usable on this machine, for the tests of the report's page
	@$(BIN)/python -m tests.report.browser

slurm: install ## make Slurm usable on this machine, for the tests of its jobs
	@$(BIN)/python -m tests.train.cluster

clean: ## remove caches and built packages; builds in out/, .venv, .venv-llm and .venv-train stay
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -path './$(VENV)*' -prune -o -path ./out -prune -o -name __pycache__ -type d -exec rm -rf {} +
