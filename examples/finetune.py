"""Fine-tune a small language model on word problems, so that it is worth asking several times.

    python examples/finetune.py [--base out/models/smollm2] [--out out/models/smollm2-reasoner] [--form chat]
    python examples/finetune.py --adapter benchmarks/smollm2/reasoner --out out/models/reasoner

About an hour for the 135 million parameters of SmolLM2 on two idle cores that multiply in bfloat16. After a kill the
same command continues at the last checkpoint. A bare model is a base, too: --base out/models/smollm2-reasoner --form
chat --steps 350 makes a chat model of it, --form choices --steps 120 one that answers multiple-choice questions. The
problems are mawps_asdiv_train.jsonl.gz in the folder $TTS_DATA; the 500 that are held out lie in OUT/held_out.jsonl,
marked as clean and far. Among the others come stories, which word_problems/stories.py draws, and problems of
gsm8k_train.jsonl.gz there. With --lora, OUT/adapter has the adapters; --adapter makes the same model of them again.
`make smollm2-reasoner` runs this, then benchmarks/smollm2/reasoner.py, which measures the model.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tts.engines.hf.device import fast_bfloat16, pick
from tts.errors import InputError, TTSError, first_line
from tts.models.loading import quiet
from word_problems.annotated import read_annotated
from word_problems.models import adapted, load, record_of, save, with_adapters
from word_problems.options import choice_row
from word_problems.problem import Split, WorkedProblem, read_problems, spelled, split
from word_problems.renumber import with_copies
from word_problems.rows import FORMS, Mixture, Row, RowEncoder, make_batches
from word_problems.trainer import train

TOKENS_PER_SECOND = 300
"""A first guess of the speed: SmolLM2-135M on two cores of an AMD EPYC with bfloat16 arithmetic."""
FILE, GSM8K = "mawps_asdiv_train.jsonl.gz", "gsm8k_train.jsonl.gz"


@dataclass(frozen=True)
class Settings:
    """All that decides the weights.

    Attributes:
        base: the model to start from.
        data: the file of problems.
        form: bare, chat for the model's chat template, or choices for lettered options of which one is the answer.
        dtype: auto, float32 or bfloat16 (with float32 copies); auto takes bfloat16 where the processor has it.
        seed: chooses everything that is drawn, >= 0.
        steps: batches, >= 1.
        batch_tokens: the most tokens of a batch, padding included.
        learning_rate: the largest.
        held_out: problems that are not trained on.
        stories: the share of drawn stories among the rows that are no drills, >= 0.
        gsm8k: the share of problems of GSM8K's training set among these rows, >= 0; both together are below 1.
        aside: the share of the problems that is set aside, unlearned, for a confidence to learn from, in [0, 1).
        lora: the rank of adapters on all linear layers, which alone are trained; 0 trains all weights.
    """

    base: str = "out/models/smollm2"
    data: str = ""
    form: str = "bare"
    dtype: str = "auto"
    seed: int = 0
    steps: int = 1200
    batch_tokens: int = 1000
    learning_rate: float = 2e-4
    held_out: int = 500
    stories: float = 0.25
    gsm8k: float = 0.05
    aside: float = 0.0
    lora: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name, least in (("seed", 0), ("steps", 1), ("batch_tokens", 1), ("held_out", 0), ("lora", 0)):
            if getattr(self, name) < least:
                raise InputError(f"--{name.replace('_', '-')} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < 1:
            raise InputError(f"--learning-rate must be between 0 and 1, got {self.learning_rate}")
        if not (self.stories >= 0 and self.gsm8k >= 0 and self.stories + self.gsm8k < 1):
            raise InputError(
                f"--stories and --gsm8k must be shares that sum to less than 1, got {self.stories} and {self.gsm8k}"
            )
        if not 0 <= self.aside < 1:
            raise InputError(f"--aside must be a share of at least 0 and less than 1, got {self.aside}")


def main() -> int:
    """Train, and return the exit status."""
    settings, out, adapter, save_every = read_arguments()
    try:
        with quiet():
            if adapter is not None:
                rebuild(adapter, settings["data"] or data_file(), out)
            else:
                finetune(Settings(**settings), out, save_every=save_every, show=lambda line: print(line, flush=True))
    except TTSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"error: {out} cannot be written ({first_line(error)}): make room, and run the same command again",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("stopped: the same command continues at the last checkpoint", file=sys.stderr)
        return 130
    return 0


def read_arguments() -> tuple[dict[str, Any], Path, Path | None, int]:
    """Return the settings of the command line, the directory to write, adapters and the steps between checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/models/smollm2-reasoner"), help="the directory to write")
    parser.add_argument("--adapter", type=Path, metavar="DIRECTORY", help="adapters to take in place of training")
    parser.add_argument("--save-every", type=int, default=50, metavar="STEPS", help="steps between checkpoints")
    helps = {
        "base": "a model's directory, GGUF file or hub name",
        "data": f"problems with worked steps; $TTS_DATA/{FILE} if left out",
        "form": "bare, the model's chat template, or choices among lettered options",
        "dtype": "auto takes bfloat16 (with float32 copies) where the processor has it",
        "seed": "chooses everything that is drawn",
        "steps": "batches",
        "batch_tokens": "the most tokens of a batch",
        "learning_rate": "the largest; a cosine after 5 %% of warm-up",
        "held_out": "problems that are not trained on",
        "stories": "the share of drawn stories among the rows that are no drills",
        "gsm8k": "the share of problems of GSM8K's training set among them",
        "aside": "the share of the problems that is set aside for a confidence, in aside.jsonl",
        "lora": "the rank of adapters that are trained in place of all weights, at a --learning-rate of 1e-3",
    }
    choices = {"form": tuple(FORMS), "dtype": ("auto", "float32", "bfloat16")}
    for field in fields(Settings):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            choices=choices.get(field.name),
            help=f"{helps[field.name]} ({field.default})" if field.default else helps[field.name],
        )
    given = vars(parser.parse_args())
    return given, given.pop("out"), given.pop("adapter"), max(given.pop("save_every"), 1)


def finetune(settings: Settings, out: Path, *, save_every: int, show: Any) -> None:
    """Write a fine-tuned model with its held-out problems and the log of its training.

    Args:
        settings: decide the weights.
        out: the directory to write; checkpoints stand beside it, in OUT.training, until it is there.
        save_every: steps between checkpoints.
        show: prints a line.

    Raises:
        InputError: the base, the data or the directories cannot be used.
    """
    data = settings.data or data_file()
    problems, others = problems_of(settings, data)
    mixture = Mixture(settings.stories, others, settings.gsm8k)
    record = {**asdict(settings), "data": Path(data).name}
    if (out / "training.json").is_file() and json.loads((out / "training.json").read_text())["settings"] == record:
        show(f"{out} is there already: remove it to train it again")
        return
    refuse_other(out)
    folder = out.with_name(f"{out.name}.training")
    check_same(folder / "settings.json", record)
    model, tokenizer, batches = prepared(settings, problems, mixture, show)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"another process is training in {folder}: wait for it, or give another --out") from None
    with lock:
        (folder / "settings.json").write_text(json.dumps(record), encoding="utf-8")
        rate, seed = settings.learning_rate, settings.seed
        log = train(model, batches, folder, learning_rate=rate, seed=seed, save_every=save_every, show=show)
        write(out, (model, tokenizer), problems, {"settings": record, "log": log})
    shutil.rmtree(folder, ignore_errors=True)
    seconds = max((entry.get("seconds", 0) for entry in log), default=0)
    show(f"{out}: trained in {seconds / 60:.1f} min; the {settings.held_out} held-out problems are in held_out.jsonl")


def rebuild(adapter: Path, data: str, out: Path) -> None:
    """Write the model that a training with adapters wrote, from these adapters, with its held-out problems.

    Raises:
        InputError: the base, the adapters, the data or the directory cannot be used.
    """
    record = record_of(adapter)
    settings = Settings(**record["settings"])
    problems, _ = problems_of(settings, data)
    refuse_other(out)
    model, tokenizer = load(settings.base, chat=settings.form == "chat")
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, (adapted(model, adapter), tokenizer), problems, record)
    print(f"{out}: the model of {adapter}; the {settings.held_out} held-out problems are in held_out.jsonl")


def problems_of(settings: Settings, data: str) -> tuple[Split, Sequence[WorkedProblem]]:
    """Return the problems to train on, held out and set aside, and those of GSM8K among the first."""
    others = read_annotated(str(Path(data).with_name(GSM8K))) if settings.gsm8k else ()
    return split(read_problems(data), settings.held_out, others, aside=settings.aside), others


def refuse_other(out: Path) -> None:
    """Refuse to write over what is there.

    Raises:
        InputError: something is.
    """
    if out.exists():
        raise InputError(f"{out} is something else already: give another --out, or remove it")


def data_file() -> str:
    """Return the file of problems in the folder of data.

    Raises:
        InputError: no folder is named.
    """
    if not (folder := os.environ.get("TTS_DATA")):
        raise InputError(f"TTS_DATA must name the folder with {FILE}: TTS_DATA=DIRECTORY make data fetches it")
    return str(Path(folder) / FILE)


def check_same(path: Path, record: dict[str, Any]) -> None:
    """Refuse checkpoints of other settings.

    Raises:
        InputError: they are there.
    """
    if path.is_file() and (there := json.loads(path.read_text(encoding="utf-8"))) != record:
        other = ", ".join(f"{key} {there.get(key)}" for key in record if there.get(key) != record[key])
        raise InputError(f"{path.parent} holds a training with {other}: give another --out, or remove it")


def prepared(
    settings: Settings, problems: Split, mixture: Mixture, show: Any
) -> tuple[Any, Any, list[tuple[Row, ...]]]:
    """Return the model in the precision of its training, its tokenizer, and the batches.

    Raises:
        InputError: the base is not there, or has no chat template where one is wanted.
    """
    model, tokenizer = load(settings.base, chat=settings.form == "chat")
    embedding = model.get_input_embeddings().weight.requires_grad_(False)
    short = settings.dtype == "bfloat16" or (settings.dtype == "auto" and fast_bfloat16(pick("auto")))
    if short:
        embedding.data = embedding.data.bfloat16()
    encoder = RowEncoder(tokenizer, FORMS[settings.form](tokenizer))
    sizes = {"batches": settings.steps, "tokens": settings.batch_tokens}
    batches = make_batches(problems, encoder, seed=settings.seed, mixture=mixture, **sizes)
    if settings.lora:
        model = with_adapters(model.bfloat16() if short else model, settings.lora)
    count = sum(len(row.ids) for batch in batches for row in batch)
    show(
        f"{settings.steps} steps, {count:,} tokens of {len(problems.training) + len(mixture.others):,} problems, of "
        "stories and of drills, in "
        f"{'bfloat16 with float32 copies' if short else 'float32'}: about {count / TOKENS_PER_SECOND / 60:.0f} min on "
        "two idle cores; the lines below measure it"
    )
    return model, tokenizer, batches


def write(out: Path, parts: Sequence[Any], problems: Split, record: dict[str, Any]) -> None:
    """Write a directory of a model and its tokenizer, of the held-out problems and of the log, whole."""
    settings = record["settings"]
    form = settings["form"]
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "model"
        save(made, *parts, record)
        with (made / "held_out.jsonl").open("w", encoding="utf-8") as file:
            for problem in problems.held_out:
                marks = {"clean": problem.id in problems.clean, "far": problem.id in problems.far}
                print(json.dumps(row_of(problem, form) | marks), file=file)
        if problems.aside:
            aside = with_copies(problems.aside, settings["seed"])
            lines = (json.dumps(row_of(problem, form)) for problem in aside)
            (made / "aside.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        os.replace(made, out)


def row_of(problem: WorkedProblem, form: str) -> dict[str, object]:
    """Return a problem as a row of a task, with its options where the form has some."""
    if form == "choices":
        return choice_row(problem.id, problem.question, problem.answer, problem.steps)
    return {"id": problem.id, "question": problem.question, "answer": spelled(problem.answer)}


if __name__ == "__main__":
    raise SystemExit(main())
