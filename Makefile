# `make demo`, `make test` and `make bench` each create .venv and install what they need.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The first Python that is new enough (a version manager's shim may exist and yet not run).
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.PHONY: demo test bench venv clean

venv: $(INSTALLED)

# Stamped, so that only a change of what is needed installs again.
$(INSTALLED): setup.py
	@test -n "$(PYTHON)" || { echo "joint-speaker needs Python 3.11 or newer" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[pesq]' \
		|| echo "note: PESQ could not be built (no C compiler?); its column stays empty"
	@touch $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/python -m recipes.speechocean762.demo

# One thread a process: two test processes share the cores instead of fighting for them.
test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
