# make run    set up, run the pipeline on the sample corpora, show the table of recipes, say where the report is
# make study-small   judge the tutorials' claims on the sample corpora; `make study SOURCE=<folder>` on the real ones
# make test   set up, pass the tests (test-slow: those that take longer; lint: ruff and mypy)

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: run setup study study-small test test-slow lint clean

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

# SOURCE is the folder of the real corpora; what limits a first run is lifted, or set here: ROWS of each split, EPOCHS
ROWS ?= null
EPOCHS ?= null
LIFTED := -S limits.rows=$(ROWS) -S limits.epochs=$(EPOCHS) -S limits.hidden_size=null

study: setup
	@test -n "$(SOURCE)" || { echo "error: say where the corpora are: make study SOURCE=<folder>" >&2; exit 1; }
	@dvc exp run -S data.source=$(SOURCE) $(LIFTED) study/dvc.yaml
	@python pipeline/study_page.py --docs 'make study SOURCE=<folder> ROWS=$(ROWS) EPOCHS=$(EPOCHS)'

study-small: setup
	@dvc repro study/dvc.yaml
	@python pipeline/study_page.py

test: setup
	@python -m pytest

test-slow: setup
	@python -m pytest -m slow --durations=15

lint: setup
	@ruff check .
	@ruff format --check .
	@mypy

clean:
	rm -rf .venv build src/*.egg-info
