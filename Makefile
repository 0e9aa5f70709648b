# make run    set up, run one recipe of each sample corpus, show their table, say where the report is; with
#             RECIPES='news_rnn ner_gru' those
# make study-small   judge the tutorials' claims on the sample corpora; `make study SOURCE=<folder>` on the real ones
# make test   set up, pass the tests (test-slow: those that take longer; test-exhaustive: every code point, all real
#             text; test-kills: the whole pipeline, killed a hundred times; test-graph: every stage on a small param
#             set in a fresh clone; lint: ruff and mypy)

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: run setup study study-small test test-slow test-exhaustive test-kills test-unit test-pipeline test-graph lint clean

run: setup
	@python pipeline/run.py $(RECIPES)

setup: .venv/.done

# a marker, so that a set-up folder costs nothing and a changed pin sets it up again
.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $@

# SOURCE is the folder of the real corpora, VECTORS that of files of word vectors; what limits a first run is lifted, or
# set here: ROWS of each split, EPOCHS. CLAIMS are the keys of those to run; all if none is named
ROWS ?= null
EPOCHS ?= null
VECTORS ?= data/vectors
STUDIED := -S data.source=$(SOURCE) -S data.vectors=$(VECTORS)
LIFTED := -S limits.rows=$(ROWS) -S limits.epochs=$(EPOCHS) -S limits.hidden_size=null

study: setup
	@test -n "$(SOURCE)" || { echo "error: say where the corpora are: make study SOURCE=<folder>" >&2; exit 1; }
	@dvc exp run $(STUDIED) $(LIFTED) study/dvc.yaml:study_check
	@python pipeline/study_records.py restore
	@python pipeline/study_plan.py --run $(CLAIMS); failed=$$?; python pipeline/study_records.py keep; \
	python pipeline/study_verdicts.py && \
	python pipeline/study_page.py --docs 'make study SOURCE=<folder> VECTORS=<folder> ROWS=$(ROWS) EPOCHS=$(EPOCHS)' && \
	exit $$failed

study-small: setup
	@python pipeline/study_plan.py --small
	@python pipeline/study_verdicts.py --small
	@python pipeline/study_page.py

# the processes that share the tests; 0: none but pytest itself
WORKERS ?= logical

PYTEST = python -m pytest -n $(WORKERS) --durations=10

test: setup
	@$(PYTEST)

test-slow: setup
	@$(PYTEST) -m slow

test-exhaustive: setup
	@$(PYTEST) -m exhaustive tests/exhaustive

test-kills: setup
	@$(PYTEST) -m kills tests/exhaustive

# jobs of CI: together they run what `test` and `test-slow` run
test-unit: setup
	@$(PYTEST) tests/unit tests/contract

test-pipeline: setup test-slow
	@$(PYTEST) tests/pipeline tests/system

# BASE is a commit to compare the metrics with
test-graph: setup
	@.ci/graph $(BASE)

lint: setup
	@ruff check .
	@ruff format --check .
	@mypy

clean:
	rm -rf .venv build src/*.egg-info
