# make demo · make test · make test-fast · make coverage · make lint · make docs · make bench · make fuzz; each makes .venv itself when it is missing.
VENV := .venv
BIN := $(VENV)/bin
MAKEFLAGS += --jobs=2 --keep-going
ifneq ($(filter output-sync,$(.FEATURES)),)  # not in the make of macOS
MAKEFLAGS += --output-sync=target
endif

.PHONY: demo test test-fast coverage lint format docs bench fuzz

demo: $(VENV)/light
	$(BIN)/fullconv predict examples --out runs/demo

# A process for each folder, so that memory is given back; two at a time, the longest first. Skipped tests are listed with
# their reasons.
PARTS := $(patsubst %/,%,$(sort $(dir $(wildcard tests/*/test_*.py))))
RUNS := $(addprefix run/,tests/models tests/training tests $(filter-out tests/models tests/training,$(PARTS)))
test: export OMP_NUM_THREADS ?= 1
test: $(RUNS)

.PHONY: $(RUNS)
$(filter-out run/tests,$(RUNS)): run/%: $(VENV)/dev
	$(BIN)/python -m pytest -rs $*
run/tests: $(VENV)/dev
	$(BIN)/python -m pytest -rs tests/test_*.py

# The parts that take less than two minutes together: the shared files, outputs, weights, evaluation.
FAST := $(wildcard tests/test_*.py) tests/outputs tests/weights tests/evaluation
test-fast: $(VENV)/dev
	$(BIN)/python -m pytest -m "not slow and not gpu" $(FAST)

# Branch coverage of src by all tests, a process for each folder; processes that tests start are counted too.
coverage: $(VENV)/dev
	rm -f .coverage .coverage.*
	@for part in tests/test_*.py $(PARTS); do $(BIN)/python -m coverage run -m pytest -q $$part; done
	$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report

lint: $(VENV)/dev
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

MINUTES := 1
fuzz: $(VENV)/dev
	$(BIN)/python -m tests.hostile.fuzz --minutes $(MINUTES)

docs: $(VENV)/dev
	$(BIN)/python docs/make_cli.py && $(BIN)/python docs/make_recipe.py && $(BIN)/zensical build --strict

bench: $(VENV)/dev
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/install_size.py

# The light core: what predicts. A development environment holds it too.
$(VENV)/light: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/light

$(BIN)/python:
	python3 -m venv $(VENV)
