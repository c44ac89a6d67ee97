"""A server whose tokens follow a small known tree, in the forms of llama.cpp's server and of vLLM's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from strategies.mass.trie import Trie
from tests.engines.openai.cases import Body, RefusalError, Scripted, event
from tts.engines.base import Engine, Request
from tts.engines.streams import collected
from tts.types import Problem, Sample, Signals

END = 0
Ids = tuple[int, ...]
PROBLEM = Problem("p", "12")
ALL = Signals(processed=True, alternatives=20)


def draw(engine: Engine, prefix: Sample | None = None, problem: Problem = PROBLEM) -> Sample:
    """One sample with its alternatives."""
    return asyncio.run(collected(engine, Request(problem, prefix=prefix, signals=ALL)))


def walk(engine: Engine, problem: Problem = PROBLEM, *, most: int = 1000) -> tuple[Trie, list[Sample]]:
    """Draw from branches until none is left, or as many draws have been made."""
    trie, samples = Trie(), [draw(engine, problem=problem)]
    trie.insert(samples[-1])
    while len(samples) < most and (branch := trie.best()) is not None:
        samples.append(draw(engine, trie.follow(branch), problem))
        trie.insert(samples[-1])
    return trie, samples


class Language:
    """A distribution over the next token that any tokens decide, the same each time.

    Attributes:
        spelled: the bytes of each token; 0 ends a text.
    """

    def __init__(self, spelled: Sequence[bytes], *, seed: int = 5) -> None:
        self.spelled, self._seed = [*spelled], seed

    def next(self, text: Ids) -> np.ndarray:
        """P(next token | text), [tokens]."""
        logits = np.random.default_rng([self._seed, len(text), *text]).normal(scale=1.5, size=len(self.spelled))
        logits[END] += 1.0
        p = np.exp(logits)
        return np.asarray(p / p.sum())

    def texts(self, length: int) -> dict[Ids, float]:
        """P(text) of every text that ends within so many tokens."""
        whole: dict[Ids, float] = {}
        going: dict[Ids, float] = {(): 1.0}
        for _ in range(length):
            longer = {(*text, one): mass * p for text, mass in going.items() for one, p in enumerate(self.next(text))}
            whole |= {text: mass for text, mass in longer.items() if text[-1] == END}
            going = {text: mass for text, mass in longer.items() if text[-1] != END}
        return whole

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return b"".join(self.spelled[one] for one in ids).decode(errors="replace")


class LanguageServer(Scripted):
    """Draws from a language behind any prompt, as llama.cpp's or vLLM's server answers.

    Attributes:
        most: the most top log-probabilities that it returns.
        ids: whether llama.cpp's form names ids.
        ignores: whether ids behind a prompt are ignored.
        prompt: the tokens of the prompt, where it takes prompts as tokens.
        given: the tokens behind the prompt of each request.
    """

    def __init__(
        self,
        language: Language,
        form: Literal["llama", "vllm"] = "llama",
        *,
        most: int = 20,
        ids: bool = True,
        ignores: bool = False,
    ) -> None:
        super().__init__()
        self.language, self.form, self.most, self.ids, self.ignores = language, form, most, ids, ignores
        self.given: list[Ids] = []
        self.prompt: Ids = ()
        self.meet = self._meet
        self._rng = np.random.default_rng(0)

    def _meet(self, body: Body) -> Iterator[bytes]:
        given, read = self._given(body)
        self.given.append(given)
        drawn: list[int] = []
        greedy = body["temperature"] == 0
        while len(drawn) < body["max_tokens"] and (body.get("ignore_eos") or END not in drawn):
            p = self.language.next((*given, *drawn))
            drawn.append(int(p.argmax() if greedy else self._rng.choice(len(p), p=p)))
        reason = "stop" if drawn[-1] == END and not body.get("ignore_eos") else "length"
        for at, token in enumerate(drawn):
            if self.form == "llama" and _is_half(self.language, drawn[: at + 1]):
                continue  # llama.cpp returns neither the token nor its log-probability
            yield event(choices=[self._choice(body, (*given, *drawn[:at]), token)])
        yield event(choices=[{"index": 0, "text": "", "logprobs": None, "finish_reason": reason}])
        usage = {"prompt_tokens": read, "completion_tokens": len(drawn), "total_tokens": read + len(drawn)}
        yield event(choices=[], usage=usage)
        yield b"data: [DONE]\n\n"

    def _given(self, body: Body) -> tuple[Ids, int]:
        prompt = body.get("prompt", "")
        if self.form == "vllm":
            ids = tuple(prompt) if isinstance(prompt, list) else ()
            begun = len(self.prompt) > 0 and ids[: len(self.prompt)] == self.prompt
            return ids[len(self.prompt) :] if begun else (), len(ids) or 2
        if isinstance(prompt, list) and not isinstance(prompt[0], str):
            raise RefusalError(400, "this test sends no prompts of ids alone")
        given = tuple(prompt[1:]) if isinstance(prompt, list) and not self.ignores else ()
        return given, 2 + len(given)

    def _choice(self, body: Body, before: Ids, token: int) -> Body:
        text = "" if token == END else self.language.text([token])
        choice: Body = {"index": 0, "text": text, "finish_reason": None, "logprobs": None}
        if self.form == "vllm":
            choice |= {"stop_reason": None, "token_ids": [token] if body.get("return_token_ids") else None}
        if body.get("logprobs") is None or not self.most:
            return choice
        p = np.log(self.language.next(before))
        top = [int(one) for one in np.argsort(-p)[: min(body["logprobs"], self.most)]]
        if self.form == "llama":
            choice["logprobs"] = {
                "content": [{**self._named(token, p), "top_logprobs": [self._named(o, p) for o in top]}]
            }
            return choice
        name = "token_id:{}".format if body.get("return_tokens_as_token_ids") else self._word
        choice["logprobs"] = {
            "tokens": [name(token)],
            "token_logprobs": [float(p[token])],
            "top_logprobs": [{name(one): float(p[one]) for one in dict.fromkeys([token, *top])}],
            "text_offset": [0],
        }
        return choice

    def _word(self, token: int) -> str:
        return self.language.text([token]) or "<end>"

    def _named(self, token: int, p: Any) -> Body:
        spelled = self.language.spelled[token]
        text = spelled.decode(errors="replace")
        named = {"id": token, "token": text, "bytes": [*spelled], "logprob": float(p[token])}
        return named if self.ids else {**named, "id": None}


def _is_half(language: Language, drawn: Sequence[int]) -> bool:
    """True of a text that ends within a character."""
    whole = b"".join(language.spelled[one] for one in drawn)
    return any(len(whole) >= size and whole[-size] >= 0xC0 and _width(whole[-size]) > size for size in range(1, 4))


def _width(first: int) -> int:
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4
