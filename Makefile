# Everything runs in .venv, created on first use with the pinned versions of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: test lint demo bench clean

test: $(VENV)/installed
	$(BIN)/python -m pytest

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: $(VENV)/installed
	mkdir -p out
	$(BIN)/tts pool simulate --force out/demo.jsonl
	$(BIN)/tts compare out/demo.jsonl --json out/demo.json --plot out/demo.png

bench: $(VENV)/installed  # POOL=path to a pool without need of confidences, such as svamp_codex_pot30.jsonl.gz
	$(BIN)/python -m benchmarks.replay $(POOL)
	$(BIN)/python -m benchmarks.driver

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[plot,math,hf,dev]'
	touch $@
