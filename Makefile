# Seven targets. `make` alone prints them. Needs GNU make and Python 3.11 or later with its venv module; everything else goes into .venv.
.DEFAULT_GOAL := help
.PHONY: help demo check test live influxd bench

# The first of these that is new enough; `make demo PYTHON=/path/to/python3.12` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
DEMO_ARGS ?=
TEST_ARGS ?=
BENCHES ?= core bridge latency

help: ## print this list
	@echo "Saola: from a camera frame or an air reading to one alarm on a screen."
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

demo: .venv/.with-all ## a simulated city and its live page (Ctrl-C ends it; DEMO_ARGS="--for 90 --json")
	@$(BIN)/saola demo $(DEMO_ARGS)

check: .venv/.with-dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: .venv/.with-dev ## all tests that need no server
	$(BIN)/pytest -m "not live" $(TEST_ARGS)

influxd: .venv/.with-dev ## build InfluxDB's server once, into ~/.cache/saola (needs Go 1.25 and Rust; minutes)
	@$(BIN)/python -m broker_config.influx

live: .venv/.with-dev ## tests with real Mosquitto, Kafka, InfluxDB (make influxd) and a real browser
	$(BIN)/pytest -m live $(TEST_ARGS)

bench: .venv/.with-dev ## the numbers: readings/s through the core, messages/s into the log, latency to the alarm
	@for b in $(BENCHES); do echo "== benchmarks.$$b"; $(BIN)/python -m benchmarks.$$b || exit; done

# Installed again only when pyproject.toml changes. The demo needs no development package; what has them serves the demo too.
.venv/.with-all: pyproject.toml | .venv/bin/python
	@test -e .venv/.with-dev || echo "installing into .venv ..." >&2
	@test .venv/.with-dev -nt pyproject.toml || $(PIP) -e ".[all]"
	@touch $@

.venv/.with-dev: pyproject.toml | .venv/bin/python
	@echo "installing with development packages into .venv ..." >&2
	@$(PIP) -e ".[dev]"
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"saola needs Python 3.11 or later; {sys.executable} is {v[0]}.{v[1]}: make demo PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) lacks its venv module: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
