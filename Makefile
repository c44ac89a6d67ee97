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

TINY := configs/task/stories.yaml configs/model/tiny.yaml

demo: $(VENV)/installed
	mkdir -p out
	$(BIN)/tts sample $(TINY) task.split=calibration task.n=100 n=16 out=out/calibration.sqlite
	$(BIN)/tts run $(TINY) configs/strategy/all.yaml configs/scorer/mean_logprob.yaml task.n=150 \
		fit=out/calibration.sqlite calibrate=platt out=out/demo.sqlite --json out/demo.json
	$(BIN)/tts compare out/demo.sqlite --tune --json out/compare.json --plot out/demo.png
	$(BIN)/tts calibration out/demo.sqlite --plot out/reliability.png

bench: $(VENV)/installed  # POOL=path to a pool without need of confidences, such as svamp_codex_pot30.jsonl.gz
	$(BIN)/python -m benchmarks.replay $(POOL)
	$(BIN)/python -m benchmarks.driver
	$(BIN)/python -m benchmarks.engine

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[plot,math,hf,dev]'
	touch $@
