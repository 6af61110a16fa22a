# Every target sets itself up: the environment in .venv, installed once for each change of the pins.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit long processors gpu-check leaderboard docs clean

help:
	@echo "make demo         run self-guided DIP and the classical methods on MRI and print the table (5 to 8 minutes)"
	@echo "make leaderboard  browse the results at http://localhost:8501"
	@echo "make docs         write the documentation site to build/site; a broken link fails"
	@echo "make test         format, lint, types, unit, contract and browser tests"
	@echo "make long         the tests that train in commands of their own"
	@echo "make gpu-check    the tests, comparisons and timings that need a GPU (10 minutes; says so where there is none)"
	@echo "make setup        only make the environment"

setup: $(READY)

# torch first and alone: with it in place nothing can pull another build of it
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	$(BIN)/python -m runners.run --task mri --method cg_sense --method l1_wavelet --method self_guided_dip

# with the results that came with the suite, so that the first board is not empty
leaderboard: setup
	$(BIN)/python -m runners.load --reference
	$(BIN)/python -m leaderboard

# its pages are in docs/, README and the code; nothing is fetched
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

test: check unit

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the products of tests are too small to share, and threads that wait for a part of one spin
unit long processors: export OMP_NUM_THREADS = 1

unit: setup
	$(BIN)/python -m pytest -rs -n 2 --dist loadgroup --durations=40 -m "not long"

# what trains in commands of its own, and what takes long beside quicker tests of the same
long: setup
	$(BIN)/python -m pytest -rs -n 2 -m long

# sums rounded as on a processor without wide instructions; without --lowest also as with AVX2 alone
processors: setup
	$(BIN)/python tests/processors.py --lowest -n 2 --dist loadgroup

# resumable: results lie in results/gpu
gpu-check: setup
	tests/gpu/run --minutes 10

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info
