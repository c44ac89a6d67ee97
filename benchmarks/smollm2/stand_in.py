"""A GrACE model without training: a model with one more token, whose row is untrained, and its card.

    python -m benchmarks.smollm2.stand_in [--base out/models/smollm2] [--out out/models/smollm2-stand-in]

The confidence that such a model gives is worth nothing. Drawing it costs as much as drawing that of a trained model
whose adapters are merged, which has the same weights and the same card, so that speed can be measured without training.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.smollm2.reasoner import status_of
from tts.errors import InputError
from tts.models.grace import GraceCard, write_card

TOKEN = "<CNF>"


def main() -> int:
    """Write the model and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=Path("out/models/smollm2"), help="the model's directory")
    parser.add_argument("--out", type=Path, default=Path("out/models/smollm2-stand-in"), help="a new directory")
    return status_of(lambda options: write_stand_in(options.base, options.out), parser.parse_args())


def write_stand_in(base: Path, out: Path) -> None:
    """Write the model, whole or not at all.

    Raises:
        InputError: no such base, one that has the token already, or a directory that is there.
    """
    if not (base / "config.json").is_file():
        raise InputError(f"--base {base} holds no model: give the directory of one, such as that of make smollm2")
    if out.exists():
        raise InputError(f"--out {out} is there already: remove it, or give another one")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tts.training.adapters import add_tokens
    from tts.training.saving import save_model

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    [token] = add_tokens(model, tokenizer, [TOKEN])
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "model"
        save_model(made, model, tokenizer, dtype=model.dtype, suppress=[token])
        write_card(made, GraceCard(TOKEN, token, base=str(base)))
        os.replace(made, out)
    print(f"{out}: {base} with the untrained confidence token {TOKEN} as token {token}")


if __name__ == "__main__":
    raise SystemExit(main())
