"""Equality of free text by meaning: two answers are equal where each entails the other one.

A local model of natural language inference decides; `tts.answers.merge` takes the transitive closure, so meanings are
groups.

Source:
    Kuhn et al. 2023, arXiv 2302.09664 (semantic entropy: bidirectional entailment).
"""

from __future__ import annotations

import threading
from typing import Any

from tts.errors import InputError, UnsupportedError


class Entailment:
    """Answers whether two texts entail each other, by a sequence classifier with a label "entailment".

    Attributes:
        comparisons: pairs compared so far; a pair is remembered.
    """

    def __init__(self, model: str) -> None:
        """Load the model and its tokenizer.

        Args:
            model: a name on the hub, or a directory.

        Raises:
            UnsupportedError: torch or transformers is not installed.
            InputError: the model cannot be loaded, or has no label for entailment.
        """
        try:
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError:
            raise UnsupportedError(
                "equality by entailment needs torch and transformers: pip install 'tts-rerank[hf]'"
            ) from None
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
            loaded, found = AutoModelForSequenceClassification.from_pretrained(model, output_loading_info=True)
        except Exception as error:  # whatever a broken directory makes of it
            reason = " ".join(str(error).split())
            raise InputError(f"equal.model={model} cannot be loaded ({reason:.200}): give an NLI model") from error
        if missing := sorted(found["missing_keys"]):
            raise InputError(f"equal.model={model} lacks the weights {', '.join(missing)}: give an NLI model")
        self._model: Any = loaded.eval()
        labels = {str(name).lower(): int(index) for index, name in self._model.config.id2label.items()}
        if "entailment" not in labels:
            raise InputError(
                f"equal.model={model} has the labels {', '.join(labels)} and none for entailment: give another"
            )
        self._label = labels["entailment"]
        self._lock = threading.Lock()  # a fast tokenizer serves one thread at a time
        self._known: dict[tuple[str, str], bool] = {}
        self.comparisons = 0

    def equal(self, a: str, b: str) -> bool:
        """Return whether each of two texts entails the other one: the label is the most probable one both ways."""
        import torch

        pair = (min(a, b), max(a, b))
        with self._lock:
            if pair not in self._known:
                self.comparisons += 1
                inputs = self._tokenizer([a, b], [b, a], padding=True, truncation=True, return_tensors="pt")
                with torch.inference_mode():
                    likeliest = self._model(**inputs).logits.argmax(dim=-1)
                self._known[pair] = bool((likeliest == self._label).all())
            return self._known[pair]
