# Every target creates .venv and installs what it needs: `make demo`, `make test`, `make docs`,
# `make bench`, `make dist`; `make venv` installs alone.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs
# Modules are compiled when they are first imported: most of those below never are. What was compiled
# must be kept, or every process compiles torch again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# The first Python that is new enough (a version manager's shim may exist and yet not run).
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.PHONY: demo test docs bench dist venv clean

venv: $(INSTALLED)

# Stamped, so that only a change of what is needed installs again.
$(INSTALLED): setup.py
	@test -n "$(PYTHON)" || { echo "joint-speaker needs Python 3.11 or newer" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev]'
	@$(PIP) --editable '.[pesq]' \
		|| echo "note: PESQ could not be built (no C compiler?); its column stays empty"
	@$(PIP) --no-deps espnet==202511 \
		|| echo "note: espnet could not be installed; attention decoders need it"
	@touch $(INSTALLED)

$(DOCS_INSTALLED): $(INSTALLED)
	$(PIP) --editable '.[docs]'
	@touch $(DOCS_INSTALLED)

demo: $(INSTALLED)
	$(BIN)/python -m recipes.speechocean762.demo

# One thread a process: two test processes share the cores instead of fighting for them. Each begins
# with half of the files, so that most fixtures are made once, and takes from the other at the end.
test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# The site, in exp/site; a broken link or reference is an error.
docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks

# The wheel and the source distribution, in dist/, checked and installed in an environment of their own.
dist: $(INSTALLED)
	$(PIP) 'build>=1.2,<2' 'twine>=6,<7'
	rm -rf dist build/dist-venv
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/dist-venv
	build/dist-venv/bin/python -m pip install --quiet dist/*.whl
	build/dist-venv/bin/python -m pip check
	cd build/dist-venv && bin/joint --version && bin/joint info

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
