# `make demo` and `make test` need python3 (3.10 or newer) with venv, nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TOOLS  := $(VENV)/.tools

# Containers often forbid bytecode; then each of a run's ten processes compiles all that it imports: 2.5 times the CPU.
export PYTHONDONTWRITEBYTECODE :=
# numpy starts a thread for each CPU in every process, which nothing here uses: 0.1 s of CPU each.
export OPENBLAS_NUM_THREADS := 1

.PHONY: help demo test lint check long nightly reference virtual cuts newcomer fuzz bench lock sample screenshots clean
help:   ## show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(READY)  ## set everything up, soak the weld station for a minute, judge, sign, verify
	$(BIN)/hilrig demo

test: lint check  ## set everything up, run every check and test that this machine can run

lint: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: $(READY)  ## the tests alone
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore tests/virtual -m 'not waiting and not long and not nightly'
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/virtual -m 'waiting and not long and not nightly'

long: $(READY)  ## the stories from end to end that `make check` has the parts of; CI runs them where it has the time
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore tests/virtual -m 'long and not waiting and not nightly'
	$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/virtual -m 'long and waiting and not nightly'

nightly: $(READY)  ## the long variants of tests that `make check` has a short one of
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore tests/virtual -m nightly
	$(BIN)/python -m pytest tests/virtual -m nightly

reference: $(READY)  ## make the pages anew that are made from the code: keys, command line, result.json, playbooks
	PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m reference .

virtual: $(READY)  ## build the virtual rig, boot it under QEMU, run on it, cut its power (root, 15 to 25 minutes)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m 'not nightly' tests/virtual

cuts: $(READY)  ## cut the power of a virtual rig 100 times in mid-update (root, about two hours)
	HILRIG_CUTS=100 $(BIN)/python -m pytest -s tests/virtual/test_virtual_power_loss.py

newcomer:  ## the README's commands, then the wheel, on a minimal Debian 12 as an ordinary user (root, 30 minutes)
	tests/e2e/newcomer

fuzz: $(READY)  ## made-up documents for the readers that decide about trust, coverage-guided (FUZZ_SECONDS=600)
	PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m fuzz --seconds $(or $(FUZZ_SECONDS),60)

chaos: $(READY)  ## break runs, disks, clocks, files and nodes at random, see what holds (CHAOS='--seed 7 --minutes 60')
	PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m chaos $(CHAOS)

bench: $(READY)  ## hilrig beside its peers: prints the table, keeps it in tests/bench (BENCH=--quick for a look)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r tests/bench/requirements.lock
	PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m bench $(BENCH)

lock: $(READY)  ## pin every dependency anew, with hashes, naming no registry
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --extra cpu --group dev pyproject.toml --output-file requirements.lock

sample: $(READY)  ## make the sample run in reports/ anew, with a key of its own
	rm -rf build/sample reports/sample reports/sample.pub
	HILRIG_HOME=build/sample/home $(BIN)/hilrig demo --reports build/sample/reports
	mv build/sample/reports/* reports/sample
	cp build/sample/home/keys/rig.pub reports/sample.pub

screenshots: $(READY)  ## take pictures of four reports: docs/screenshots, whole pages in build/screenshots
	PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m screenshots docs/screenshots build/screenshots

clean:  ## remove what was set up
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Everything but hilrig itself. uv comes out of the same lock, hash and all; it installs the rest in seconds.
$(TOOLS): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "hilrig needs Python 3.10 or newer, $(PYTHON) is $$($(PYTHON) -V); try: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p;}' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

$(READY): $(TOOLS) pyproject.toml .ci/charts/package-lock.json
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
