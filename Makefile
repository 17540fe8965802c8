# gongkai: set-up, the main job, the tests. Needs Python 3.11 or newer and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The pinned sets are whole, so nothing is resolved; where they carry hashes, every file is held against them.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
HASHES = $(if $(shell grep -l -m1 -e '--hash=' $(1) 2>/dev/null),--require-hashes)

.DEFAULT_GOAL := help
.PHONY: help setup run test quick check dev bench docs samples licences sbom audit clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

$(VENV)/made: ## the virtual environment
	@test -n "$(PYTHON)" || { echo "gongkai needs Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gongkai needs Python 3.11 or newer, and $(PYTHON) is older"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made requirements.txt pyproject.toml
	$(INSTALL) $(call HASHES,requirements.txt) -r requirements.txt
	$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(INSTALL) $(call HASHES,requirements-dev.txt) -r requirements-dev.txt
	@touch $@

setup: $(VENV)/installed ## make .venv and install the pinned packages

run: setup ## the main job on the reports in data/raw
	$(BIN)/gongkai build

test: check ## all tests
	$(BIN)/python -m pytest

quick: $(VENV)/installed-dev ## the tests that take no time
	$(BIN)/python -m pytest -m "not slow"

check: $(VENV)/installed-dev ## style, types, direction of imports, Dagster's definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 0 tests/test_imports.py
	$(BIN)/dg check defs

dev: setup ## Dagster's web UI on this machine
	$(BIN)/gongkai dev

bench: $(VENV)/installed-dev ## time, memory and ratios into docs/benchmarks.md; ARGS=--quick takes a minute
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/installed-dev ## the docs as pages in build/docs
	$(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

samples: $(VENV)/installed-dev ## make the sample reports of data/raw anew
	$(BIN)/python -m tests.render.make_samples

licences: $(VENV)/installed-dev ## the licences of all installed packages, in docs/licences.md
	$(BIN)/python -m tests.supply licences

sbom: $(VENV)/installed-dev ## a bill of materials of what setup installs, as CycloneDX in build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json requirements.txt

audit: $(VENV)/installed-dev ## known faults of the pinned packages; needs the network
	@$(BIN)/python -m tests.supply audit

clean: ## remove what builds and tools have made; data/raw stays
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis data/instance
	find data/warehouse -mindepth 1 ! -name .gitkeep -delete
	find pipeline tests -name __pycache__ -type d -prune -exec rm -rf {} +
