# make run    set up, run the pipeline on the sample corpora, show the table of recipes, say where the report is
# make test   set up, pass the tests (test-slow: those that take longer; lint: ruff and mypy)

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: run setup test test-slow lint clean

run: setup
	@dvc repro
	@python pipeline/table.py
	@echo 'more of each: open reports/index.html'

setup: .venv/.done

# a marker, so that a set-up folder costs nothing and a changed pin sets it up again
.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $@

test: setup
	@python -m pytest

test-slow: setup
	@python -m pytest -m slow

lint: setup
	@ruff check .
	@ruff format --check .
	@mypy

clean:
	rm -rf .venv build src/*.egg-info
