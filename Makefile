# Quoth. `make chat` sets everything up and opens a conversation; `make test` proves it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
TESTING := $(VENV)/.testing
MODELS := $(VENV)/.models

.PHONY: help setup chat api telegram test bench doctor

help: ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/' | expand -t 18

setup: $(MODELS) ## Virtual environment, packages and model files

chat: $(MODELS) ## Talk to Quoth at the console
	@$(RUN) -m bot chat

api: $(MODELS) ## Serve REST on 127.0.0.1:5000
	@$(RUN) -m bot api

telegram: $(MODELS) ## Serve Telegram (TELEGRAM_TOKEN=...)
	@$(RUN) -m bot telegram

doctor: $(MODELS) ## Check the installation, one real answer included
	@$(RUN) -m bot doctor

test: $(MODELS) $(TESTING) ## Lint, types and every test
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/hadolint Dockerfile
	@$(RUN) -m pytest

bench: $(MODELS) $(TESTING) ## Print every figure of the README
	@$(RUN) -m benchmarks

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) bot/install.py $(VENV)
	@touch $@

$(TESTING): $(INSTALLED)
	@$(PYTHON) bot/install.py $(VENV) test
	@touch $@

$(MODELS): $(INSTALLED) skills/checkpoints.py skills/compiler.py $(wildcard skills/qa/weights/*/*)
	@$(RUN) -m bot models
	@touch $@
