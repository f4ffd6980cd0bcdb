# Two commands for a newcomer: `make demo` and `make test`. Each makes its own .venv.
PYTHON ?= python3
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
# Where this is set, each process that a test starts compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE
PY := $(BIN)/python

.PHONY: demo test lint types bytecode lab bench thorough crash browser clean

demo: $(VENV)/.demo
	$(BIN)/schedkit demo

lab: $(VENV)/.demo
	$(BIN)/schedkit lab

# Tests wait half of the time: four at once keep two cores busy. A worker without tests takes another's.
# The kernels of notebooks come last, without coverage.
test: $(VENV)/.dev
	$(MAKE) --jobs=2 --output-sync lint types bytecode
	SCHEDKIT_COVERAGE=95 $(PY) -m pytest -n $(WORKERS) --dist worksteal \
	  -m "not browser and not crash and not thorough" tests
	$(PY) -m pytest -n $(WORKERS) --dist loadfile notebooks

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# Each of several workers would rewrite the assertions of all tests. What fails here, fails again in the workers.
bytecode: $(VENV)/.dev
	@$(PY) -m pytest --collect-only -q tests > /dev/null 2>&1 || true

browser: $(VENV)/.dev
	$(PY) -m pytest -m browser tests/browser

crash: $(VENV)/.dev
	SCHEDKIT_KILLS=$${SCHEDKIT_KILLS:-200} $(PY) -m pytest -m crash tests/crash

thorough: $(VENV)/.dev
	SCHEDKIT_THOROUGH=1 $(PY) -m pytest -n 2 -m "thorough or not (browser or crash)" tests

bench: $(VENV)/.bench
	PYTHONPATH=tests $(PY) -m bench $(ONLY)

$(PY):
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --upgrade pip

$(VENV)/.demo: pyproject.toml | $(PY)
	$(PY) -m pip install -q -e '.[notebook,demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(PY)
	$(PY) -m pip install -q -e '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml | $(PY)
	$(PY) -m pip install -q -e '.[bench]'
	@touch $@ $(VENV)/.dev $(VENV)/.demo

clean:
	rm -rf $(VENV) reports/out
