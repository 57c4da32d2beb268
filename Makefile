# Two commands do all the set-up on a fresh machine with Python 3.10 or later:
#   make demo   runs the main job on embedded DuckDB
#   make test   passes all checks and tests, on a PostgreSQL that the tests start by themselves

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := -e . -e plugins/fhir4ds-duckdb -e plugins/fhir4ds-postgres
MANIFESTS := pyproject.toml plugins/fhir4ds-duckdb/pyproject.toml plugins/fhir4ds-postgres/pyproject.toml constraints.txt

.PHONY: demo test check unit second-postgres format benchmark clean

demo: $(VENV)/.installed
	$(BIN)/fhir4ds query 'Patient.name.given' tests/fixtures/fhir/patients.json

test: check unit second-postgres

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m traced tests --numprocesses auto --dist loadfile --cov --cov-report= --cov-fail-under=0
	$(BIN)/python -m pytest -m 'not traced and not alone' --numprocesses auto --dist loadfile
	$(BIN)/python -m pytest -m alone --cov --cov-append --cov-report=term

# The tests that need PostgreSQL once more, on another major version.
second-postgres: $(VENV)/.installed-test
	FHIR4DS_TEST_POSTGRES_MAJOR=16 $(BIN)/python -m pytest -m 'postgres and not alone' --numprocesses auto --dist loadfile --quiet
	FHIR4DS_TEST_POSTGRES_MAJOR=16 FHIR4DS_SOAK_SECONDS=5 $(BIN)/python -m pytest -m 'postgres and alone' --quiet

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(VENV)/.installed-test
	$(BIN)/python -m tests.benchmarks.path_navigation

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(MANIFESTS)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet $(DISTRIBUTIONS)
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/python $(MANIFESTS)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet -e '.[test]' $(wordlist 3,6,$(DISTRIBUTIONS))
	touch $@ $(VENV)/.installed
