# make film    a film of 3,376 frames from examples/, and its contact sheet
# make test    the tests          make lint    ruff and mypy
# make venv    the environment    make clean   removes films and caches; keeps stores, runs and the environment
#
# PyTorch is installed first and alone, in the tested version, so that nothing installed later can choose another.
# Which build that is, is pip's choice: on Linux the wheels of the default index bring some gigabytes of CUDA
# libraries. Without an NVIDIA GPU they are dead weight; PyTorch's own installation page names the index of the CPU
# builds ("Compute Platform: CPU"), and
#     make film TORCH_INDEX=<that address>
# takes torch, and only torch, from there. A pip configuration or PIP_INDEX_URL is honoured as always; on macOS and
# Windows nothing is needed.

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
STORYBOARD ?= examples/valley.yaml
FILM ?= film.mp4
SHEET ?= film.png
PYTEST_ARGS ?= -n 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt

.PHONY: film test lint venv clean
.DELETE_ON_ERROR:

film: $(VENV)/.longtake
	$(BIN)/longtake render $(STORYBOARD) --out $(FILM) --sheet $(SHEET)

test: $(VENV)/.longtake-dev
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest $(PYTEST_ARGS)  # workers share the cores

lint: $(VENV)/.longtake-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

venv: $(VENV)/.longtake-dev

# The stamps make an environment that is there already be used again, until what it was made from changes.
$(VENV)/.longtake: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	$(PIP) -e .
	touch $@

$(VENV)/.longtake-dev: $(VENV)/.longtake
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf $(FILM) $(SHEET) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find longtake tests -name __pycache__ -type d -prune -exec rm -rf {} +
