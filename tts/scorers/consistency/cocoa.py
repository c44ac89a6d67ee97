"""CoCoA: how unsure the model is of a sample, times how much the question's other samples differ from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.scorers.consistency.rouge import rouge_l, words_of


def answer_disagreement(answers: Sequence[Hashable | None]) -> NDArray[np.float64]:
    """Return the share of the other samples that give another answer, in [0, 1], shape [len(answers)].

    No answer (None) equals no other one. A sample alone has no other samples and gets 1.
    """
    count, others = Counter(a for a in answers if a is not None), len(answers) - 1
    alike = [0 if answer is None else count[answer] - 1 for answer in answers]
    return np.array([1 - same / others if others else 1.0 for same in alike], dtype=np.float64)


def text_disagreement(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of 1 - ROUGE-L over the other texts, in [0, 1], shape [len(texts)]; 1 for a text alone.

    It compares all pairs of distinct texts.
    """
    count, others = Counter(texts), len(texts) - 1
    words = {text: words_of(text) for text in count}
    alike = dict.fromkeys(count, 0.0)
    distinct = [*count]
    for place, first in enumerate(distinct):
        alike[first] += (count[first] - 1) * rouge_l(words[first], words[first])
        for second in distinct[place + 1 :]:
            similarity = rouge_l(words[first], words[second])
            alike[first] += count[second] * similarity
            alike[second] += count[first] * similarity
    return np.array([1 - alike[text] / others if others else 1.0 for text in texts], dtype=np.float64)
