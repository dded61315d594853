# make run    install and start the daemon on its embedded default
# make test   install what the tests need and run everything that .ci/run runs
# make bench  programs that print ours, a peer's, and the ratio from one run
# make fuzz   coverage-guided fuzzing, FUZZ_SECONDS each target
# make lint   ruff and mypy --strict
# make lock   renew the hashed locks (wants uv on the PATH)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV ?= .venv
PY := $(VENV)/bin/python
FUZZ_SECONDS ?= 60

.PHONY: run test lint bench fuzz soak lock clean
.DELETE_ON_ERROR:

run: $(VENV)/.run
	exec $(VENV)/bin/pullprint serve

test: $(VENV)/.dev
	tests/install-peers
	$(MAKE) --no-print-directory lint
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest $(PYTEST)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/.dev
	tests/install-peers
	set -e; for program in tests/benchmarks/bench_*.py; do echo "== $$program"; PYTHONPATH=. $(PY) $$program; done

fuzz: $(VENV)/.dev
	set -e; for target in tests/fuzz/fuzz_*.py; do echo "== $$target"; $(PY) $$target -max_total_time=$(FUZZ_SECONDS); done

lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--extra speed --extra ghostscript --group build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--all-extras --group dev -c requirements.lock pyproject.toml -o tests/requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage*

$(VENV)/bin/python:
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pullprint needs Python 3.11 or newer")'
	python3 -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: tests/requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PY) -m pip install --quiet --require-hashes -r tests/requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.run
