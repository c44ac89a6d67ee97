"""examples/finetune.py as a process: it trains, refuses in a sentence, and continues after a kill."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.data import data_file
from tts.pool import load_pool

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = [
    "--steps",
    "6",
    "--batch-tokens",
    "300",
    "--held-out",
    "5",
    "--dtype",
    "bfloat16",
    "--learning-rate",
    "0.01",
    "--gsm8k",
    "0.3",
]


def run(folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "examples" / "finetune.py"), *options]
    added = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env={**os.environ, **added}, stdout=pipe, stderr=pipe, text=True)


def finished(folder: Path, *options: str, **environment: str) -> tuple[int, str, str]:
    process = run(folder, *options, **environment)
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with a tokenizer of characters, and problems."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    made = tmp_path_factory.mktemp("finetune")
    names = ["<|begin|>", "<|end|>", *map(chr, range(32, 127)), "\n"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|begin|>", eos_token="<|end|>", unk_token="?"
    )
    fast.save_pretrained(made / "base")
    config = transformers.LlamaConfig(
        vocab_size=len(names), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, max_position_embeddings=512,
    )  # fmt: skip
    import torch

    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(made / "base")
    with (made / "problems.jsonl").open("w") as file:
        for i in range(2, 40):
            question = f"Ann has {i} beads and finds {i + 50} more. How many has she?"
            row = {"id": f"p{i}", "question": question, "answer": f"{i} + {i + 50} = {2 * i + 50}\n#### {2 * i + 50}"}
            print(json.dumps(row), file=file)
    with gzip.open(made / "gsm8k_train.jsonl.gz", "wt") as file:
        solution = "He has 2*3=<<2*3=6>>6 pens and 6+7=<<6+7=13>>13 things.\n#### 13"
        print(
            json.dumps({"question": "Bob has 2 boxes of 3 pens, and 7 cups. How many?", "answer": solution}), file=file
        )
    return made


COMMON = ["--base", "base", "--data", "problems.jsonl", *SETTINGS]


@pytest.mark.slow
def test_a_killed_training_continues_to_the_same_weights(folder: Path) -> None:
    status, out, err = finished(folder, *COMMON, "--out", "whole")
    assert status == 0, err
    assert "in bfloat16 with float32 copies" in out and "step 6 of 6: loss" in out and "min left" in out
    losses = [entry["loss"] for entry in json.loads((folder / "whole/training.json").read_text())["log"][:-1]]
    assert losses[-1] < losses[0] and not (folder / "whole/aside.jsonl").exists()
    held = [json.loads(line) for line in (folder / "whole/held_out.jsonl").read_text().splitlines()]
    assert len(held) == 5 and {"id", "question", "answer", "clean", "far"} == set(held[0])
    assert not (folder / "whole.training").exists()

    process = run(folder, *COMMON, "--out", "killed", "--save-every", "1")
    state = folder / "killed.training" / "checkpoint-2" / "trainer_state.json"
    while not state.is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "killed").exists()
    unfinished = folder / "killed.training" / "checkpoint-5"  # as a kill within a checkpoint leaves it
    unfinished.mkdir(exist_ok=True)
    (unfinished / "trainer_state.json").write_text('{"global_step"')

    status, _, err = finished(folder, *COMMON, "--out", "killed", "--seed", "1")
    assert status == 2 and "killed.training holds a training with seed 0: give another --out" in err
    status, out, err = finished(folder, *COMMON, "--out", "killed", "--save-every", "1")
    assert status == 0 and "continuing behind step " in out, err
    one, other = ((folder / name / "model.safetensors").read_bytes() for name in ("whole", "killed"))
    assert one == other and one != (folder / "base" / "model.safetensors").read_bytes()

    assert "shards" not in err
    status, out, err = finished(folder, *COMMON, "--out", "killed")
    assert status == 0 and "killed is there already" in out, err
    status, _, err = finished(folder, *COMMON, "--out", "killed", "--seed", "1")
    assert status == 2 and "killed is something else already: give another --out" in err


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_adapters_are_trained_alone_and_make_the_model_again(folder: Path, dtype: str) -> None:
    options = [*COMMON, "--dtype", dtype, "--lora", "4"]
    status, out, err = finished(folder, *options, "--out", f"{dtype}/tuned", "--save-every", "2")
    assert status == 0 and "step 6 of 6: loss" in out, err
    made, adapter = folder / dtype / "tuned", folder / dtype / "tuned" / "adapter"
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == "base"
    status, _, err = finished(folder, "--adapter", str(adapter), "--data", "problems.jsonl", "--out", f"{dtype}/again")
    assert status == 0, err
    for name in ("model.safetensors", "held_out.jsonl", "training.json"):
        assert (folder / dtype / "again" / name).read_bytes() == (made / name).read_bytes()
    assert (made / "model.safetensors").read_bytes() != (folder / "base" / "model.safetensors").read_bytes()
    status, _, err = finished(folder, "--adapter", "base", "--data", "problems.jsonl", "--out", f"{dtype}/other")
    assert status == 2 and "--adapter base must be a directory that a training with --lora wrote as OUT/adapter" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--base", "base"], "TTS_DATA must name the folder with mawps_asdiv_train.jsonl.gz"),
        (["--base", "./none", "--data", "problems.jsonl", "--held-out", "5"], "none"),
        (["--base", "base", "--data", "none.jsonl", "--gsm8k", "0"], "none.jsonl: no such file"),
        (["--base", "base", "--data", "other/problems.jsonl"], "gsm8k_train.jsonl.gz: no such file"),
        (
            [*COMMON, "--stories", "0.7"],
            "--stories and --gsm8k must be shares that sum to less than 1, got 0.7 and 0.3",
        ),
        (["--base", "base", "--data", "problems.jsonl"], "500 of 38 problems held out leave none to train on"),
        ([*COMMON, "--form", "chat"], "base has no chat template: use --form bare"),
        ([*COMMON, "--steps", "0"], "--steps must be at least 1, got 0"),
        ([*COMMON, "--aside", "1"], "--aside must be a share of at least 0 and less than 1, got 1.0"),
    ],
)
def test_bad_input_gets_one_sentence(folder: Path, options: list[str], message: str) -> None:
    (folder / "other").mkdir(exist_ok=True)
    shutil.copy(folder / "problems.jsonl", folder / "other")
    status, _, err = finished(folder, *options, "--out", "refused", TTS_DATA="")
    assert status == 2 and err.startswith("error: ") and err.count("\n") == 1 and message in err


@pytest.mark.slow
def test_a_model_is_measured_and_pools_are_drawn_once(folder: Path) -> None:
    data = data_file("svamp_test.jsonl.gz").parent
    status, _, err = finished(folder, *COMMON, "--steps", "1", "--out", "measured")
    assert status == 0, err
    command = [sys.executable, "-m", "benchmarks.smollm2.reasoner", "--model", "measured", "--held-out", "5"]
    command += ["--svamp", "3", "--gsm8k", "0", "--samples", "2", "--greedy"]
    added = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TTS_DATA": str(data)}
    for _ in range(2):
        ran = subprocess.run(command, cwd=folder, env={**os.environ, **added}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        lines = [line.split()[:3] for line in ran.stdout.splitlines()]
        assert ["held-out", "5", "2"] in lines and ["SVAMP", "3", "2"] in lines and ["SVAMP", "3", "1"] in lines
    assert "measured: form bare, seed 0, steps 1, " in ran.stdout and "T = 0.0, seed 0" in ran.stdout
    command[4] = "base"
    ran = subprocess.run(command, cwd=folder, env={**os.environ, **added}, capture_output=True, text=True)
    assert (
        ran.returncode == 2 and ran.stderr == "error: base is no model of examples/finetune.py: make smollm2-reasoner\n"
    )


@pytest.mark.slow
def test_a_chat_model_is_made_of_a_bare_one(folder: Path) -> None:
    shutil.copytree(folder / "base", folder / "chatty")
    template = "{% for m in messages %}{{ m['role'][0] }}: {{ m['content'] }}\n{% endfor %}a: "
    (folder / "chatty" / "chat_template.jinja").write_text(template)
    options = ["--data", "problems.jsonl", *SETTINGS, "--steps", "1"]
    status, _, err = finished(folder, "--base", "chatty", *options, "--out", "bare")
    assert status == 0 and not (folder / "bare" / "chat_template.jinja").exists(), err
    status, _, err = finished(folder, "--base", "bare", *options, "--form", "chat", "--out", "chat")
    assert status == 0 and (folder / "chat" / "chat_template.jinja").read_text() == template, err


@pytest.mark.slow
def test_a_model_that_chooses_is_made_of_a_bare_one_and_measured_on_choices(folder: Path) -> None:
    options = ["--data", "problems.jsonl", *SETTINGS, "--steps", "1"]
    status, _, err = finished(folder, "--base", "base", *options, "--out", "before")
    assert status == 0, err
    status, _, err = finished(folder, "--base", "before", *options, "--form", "choices", "--out", "choices")
    assert status == 0 and not (folder / "choices" / "chat_template.jinja").exists(), err
    rows = [json.loads(line) for line in (folder / "choices" / "held_out.jsonl").read_text().splitlines()]
    assert len(rows) == 5 and {"id", "question", "choices", "answer", "clean", "far"} == set(rows[0])
    assert all(len(set(row["choices"])) == 4 and row["answer"] in "ABCD" for row in rows)
    data = data_file("svamp_test.jsonl.gz").parent
    command = [sys.executable, "-m", "benchmarks.smollm2.reasoner", "--model", "choices", "--out", "chosen"]
    command += ["--held-out", "5", "--svamp", "3", "--gsm8k", "2", "--samples", "2"]
    added = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TTS_DATA": str(data)}
    ran = subprocess.run(command, cwd=folder, env={**os.environ, **added}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    lines = [line.split()[:3] for line in ran.stdout.splitlines()]
    assert ["held-out", "5", "2"] in lines and ["SVAMP", "3", "2"] in lines and ["GSM8K", "2", "4"] in lines
    assert "examples/make_choices.py " in ran.stderr
    pool = load_pool(folder / "chosen" / "svamp_T0.8_seed0.sqlite")
    assert all("\nD. " in entry.problem.question and entry.problem.gold in "ABCD" for entry in pool.entries)
