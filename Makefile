# One word runs everything. Each target makes the virtual environment that it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
FOOTAGE ?= ../shared/footage

# Tests run side by side, a file at a time; each process takes some 700 MB. A process that dies is not
# replaced: what killed it would be run again, as often as there may be new ones.
PYTEST = $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
    --max-worker-restart 0

.PHONY: demo test quick coverage check format bench docs clean

demo: $(VENV)/.installed  ## index the sample archive, recut the sample trailer
	$(BIN)/kuleshov demo --output demo

test: $(VENV)/.developing  ## run all tests
	$(PYTEST)

quick: $(VENV)/.developing  ## run the tests that take no training, no browser and no whole film
	$(PYTEST) -m "not slow"

coverage: $(VENV)/.developing  ## run all tests and report what of the sources they reach
	$(PYTEST) --cov --cov-report term --cov-report html

check: $(VENV)/.developing  ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports

format: $(VENV)/.developing  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.developing  ## write docs/cli.md again, and the API pages into build/api
	$(BIN)/python tools/cli_reference.py
	$(BIN)/python tools/module_map.py
	$(BIN)/python tools/api_pages.py build/api

bench: $(VENV)/.developing  ## figures of docs/benchmarks.md, on the footage in FOOTAGE
	$(BIN)/python benchmarks/index.py --footage $(FOOTAGE)
	$(BIN)/python benchmarks/align.py
	$(BIN)/python benchmarks/found_again.py --footage $(FOOTAGE)/archive --moments 60
	$(BIN)/python benchmarks/render.py --footage $(FOOTAGE)/archive \
	    --source $(FOOTAGE)/trailer/trip_to_the_moon_trailer.mp4

clean:
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.developing: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,check]'
	touch $@ $(VENV)/.installed
