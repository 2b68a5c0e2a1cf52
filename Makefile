# Every target makes .venv and installs what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow lint format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort \
		| awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
		"tts_vae needs Python 3.11-3.13, $(PYTHON) is %d.%d: try make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a few minutes, most of it PyTorch"
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[espeak,evaluation,explore,export,dev]'
	@touch $@

install: $(INSTALLED) ## make .venv with every optional dependency

demo: $(INSTALLED) ## speak with a voice trained from nothing: corpus, training, page with players
	$(BIN)/python recipes/demo.py $(DEMO_ARGS)

lint: $(INSTALLED) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## lint, then every test that is not marked slow
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(INSTALLED) ## the tests that train for minutes
	$(BIN)/python -m pytest -m slow

format: $(INSTALLED) ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
