# Every target sets up what it needs: a virtual environment in .venv, the pinned packages, the compiled modules.
# Needs: sh, make, coreutils and Python >= 3.11 with its venv module. A C compiler makes it faster, no more.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup compile demo test lint bench lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What a user adds: make test ARGS="-k permits"
ARGS ?=

help:
	@echo "make demo     a whole cutover on a real Kafka and a real PostgreSQL, ending with a report"
	@echo "make test     all tests                                   (ARGS='-k permits' picks some)"
	@echo "make lint     ruff, mypy, layers"
	@echo "make bench    the measurements behind every number in the documents"
	@echo "make setup    the environment in .venv, with everything installed and compiled"
	@echo "make compile  the codecs and rules, with mypyc, when their sources changed"
	@echo "make lock     both lock files, from pyproject.toml          (ARGS=--upgrade for newer versions)"
	@echo "make clean    takes away all that make made"

# The first Python on PATH that is new enough, or a sentence.
define find_python
python=; \
for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "neraca needs Python 3.11 or newer, and PATH offers none. Install one, then run make again." >&2; exit 1; \
fi
endef

$(VENV)/.packages: requirements-dev.lock
	@$(find_python); \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "making $(VENV) with $$($$python --version)"; \
		$$python -m venv --clear $(VENV) || { \
			echo "Python's venv module does not work here (Debian and Ubuntu: install python3-venv)." >&2; exit 1; }; \
	fi
	@echo "installing the pinned packages into $(VENV) (some 150 MB the first time)"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# Metadata and the command only; compiling is the next rule's job, where its notices are seen.
$(VENV)/.installed: pyproject.toml $(VENV)/.packages
	@NERACA_PURE=1 $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# A library that is older than its source would shadow it: rebuilt when any source is newer. tests/house checks
# hashes as well, for whoever runs pytest without make.
$(VENV)/.compiled: setup.py $(VENV)/.packages \
		$(wildcard schemas/*.py ledger/*.py projections/*.py consumers/*.py audit/*.py audit/*/*.py)
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

# What times do not show (a source that is gone, one that is older than what it replaced) hashes do.
define compile_what_is_stale
$(BIN)/python -m neraca.compiled >/dev/null || $(BIN)/python setup.py --quiet build_ext --inplace
endef

setup: $(VENV)/.installed $(VENV)/.compiled
	@$(compile_what_is_stale)

compile: $(VENV)/.compiled
	@$(compile_what_is_stale)
	@$(BIN)/python -m neraca.compiled

demo: setup
	@$(BIN)/neraca demo $(ARGS)

test: setup
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

# uv resolves for every platform and Python at once; nothing else needs it, so it is no dependency.
lock: $(VENV)/.packages
	@$(PIP) install --quiet "uv>=0.13"
	@set -e; \
	compile="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate pyproject.toml"; \
	$$compile $(ARGS) --output-file requirements.lock; \
	$$compile $(ARGS) --constraints requirements.lock --extra dev --output-file requirements-dev.lock

clean:
	@$(find_python); $$python -c "import pathlib, shutil; \
	skip = pathlib.Path('.git'), pathlib.Path('$(VENV)'); \
	trees = [p for p in pathlib.Path('.').rglob('__pycache__') if not any(s in p.parents for s in skip)]; \
	trees += map(pathlib.Path, ('build', 'dist', 'neraca.egg-info', '.mypy_cache', '.ruff_cache', '.pytest_cache', \
		'.hypothesis', '.import_linter_cache', '$(VENV)')); \
	files = [p for pattern in ('*.so', '*/*.so') for p in pathlib.Path('.').glob(pattern)]; \
	[shutil.rmtree(p, ignore_errors=True) for p in trees]; \
	[p.unlink(missing_ok=True) for p in [*files, pathlib.Path('neraca/compiled.json')]]"
