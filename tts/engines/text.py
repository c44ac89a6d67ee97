"""The prompt encoder: from a request to the tokens that a model reads, and from tokens to text.

Knows no model; every engine that handles tokens itself has an encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.boundaries import missing_signal
from tts.engines.base import Prefix, Request
from tts.engines.streams import together
from tts.errors import InputError, UnsupportedError, first_line
from tts.prompts import Prompt
from tts.types import Problem, Sample

Ids = tuple[int, ...]
MAX_CACHED_PROMPTS = 4096
"""The most prompts whose tokens are cached."""


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """A request in tokens.

    Attributes:
        prompt_ids: the problem's prompt.
        prefix_ids: the prefix's tokens; none without a prefix.
        limit: the most tokens to draw, >= 1.
    """

    prompt_ids: Ids
    prefix_ids: Ids
    limit: int

    @property
    def ids(self) -> Ids:
        """All tokens that the model reads before the first token is drawn."""
        return self.prompt_ids + self.prefix_ids


class PromptEncoder:
    """The tokenizer, prompt and context length of a model.

    Attributes:
        tokenizer: a Hugging Face tokenizer.
        prompt: turns a problem into the model's input.
        context: the most tokens that prompt and sample can have together.
        vocabulary: the number of the model's tokens.
    """

    def __init__(self, tokenizer: Any, prompt: Prompt, *, context: int, vocabulary: int, name: str = "") -> None:
        """Take a tokenizer and the sizes of its model.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template.
        """
        if prompt.chat and not getattr(tokenizer, "chat_template", None):
            raise InputError(f"{name or 'this model'} has no chat template: set chat=false, or choose a chat model")
        self.tokenizer, self.prompt = tokenizer, prompt
        self.context, self.vocabulary = context, vocabulary
        self._prompts: dict[tuple[str, str], Ids] = {}
        self._steps: dict[int, bool] = {}

    def encode(self, text: str) -> Ids:
        """Return the token ids of a text, without special tokens."""
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def prompt_ids(self, problem: Problem) -> Ids:
        """Return the token ids of a problem's prompt, special tokens included.

        Raises:
            InputError: it leaves no room for an answer in the model's context.
        """
        key = (problem.id, problem.question)
        ids = self._prompts.get(key)
        if ids is None:
            if self.prompt.chat:
                ids = self._chat_ids(problem)
            else:
                ids = tuple(self.tokenizer(self.prompt.text(problem)).input_ids)
            if len(ids) >= self.context:
                raise InputError(
                    f"problem {problem.id!r} has a prompt of {len(ids)} tokens and the model's context holds "
                    f"{self.context}: shorten the prompt, give fewer examples, or choose a model with a longer context"
                )
            if len(self._prompts) >= MAX_CACHED_PROMPTS:
                self._prompts.clear()
            self._prompts[key] = ids
        return ids

    def _chat_ids(self, problem: Problem) -> Ids:
        """Return the tokens of a chat; a template that refuses the system role gets its text in the user's turn.

        Raises:
            InputError: the template refuses the messages.
        """
        reasons = []
        for fold in (False, True) if self.prompt.system else (False,):
            messages = self.prompt.messages(problem, fold_system=fold)
            try:
                found = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
            except Exception as error:  # a template may raise anything
                reasons.append(first_line(error))
                continue
            return tuple(found["input_ids"])
        raise InputError(
            f"the chat template of this model refuses these messages ({reasons[0]}): set task.chat=false"
        ) from None

    def encode_request(self, request: Request, max_tokens: int) -> EncodedRequest:
        """Return a request in tokens.

        Args:
            request: the request.
            max_tokens: the most tokens a sample may have, its prefix among them.

        Raises:
            InputError: no room to draw a token, or a watched or probed token that the model does not have.
            UnsupportedError: a boundary without the signal it looks at.
        """
        prefix, signals = request.prefix, request.signals
        if (refusal := missing_signal(request.until, signals)) is not None:
            raise UnsupportedError(refusal)
        prompt = self.prompt_ids(request.problem)
        prefix_ids = () if prefix is None else self.ids(prefix)
        probed = () if signals.probe is None else (signals.probe,)
        for token in (*signals.watch, *probed):
            if not 0 <= token < self.vocabulary:
                raise InputError(
                    f"token {token} is to be watched or probed and the model has tokens 0 to {self.vocabulary - 1}: "
                    "use the model that this signal belongs to"
                )
        room = self.context - len(prompt) - len(probed)
        if room < 1:
            raise InputError(
                f"problem {request.problem.id!r} has a prompt of {len(prompt)} tokens and the model's context holds "
                f"{self.context}, which leaves no room for an answer and a probe: shorten the prompt"
            )
        limit = min(max_tokens, room) - len(prefix_ids)
        if limit < 1:
            raise InputError(
                f"a prefix of {len(prefix_ids)} tokens of problem {request.problem.id!r} cannot be continued: a sample "
                f"may have {limit + len(prefix_ids)} tokens; raise max_tokens or prune earlier"
            )
        return EncodedRequest(prompt, prefix_ids, limit)

    def ids(self, sample: Sample) -> Ids:
        """Return the tokens of a sample; those of its text if its source keeps no tokens."""
        return sample.token_ids or self.encode(sample.text)

    def to_score(self, problem: Problem, text: str, *, beside: int = 0) -> tuple[Ids, Ids]:
        """Return the tokens of a problem's prompt, and those of a text behind it whose next token is scored.

        Args:
            problem: the problem.
            text: the generated text so far.
            beside: the number of further tokens that must fit.

        Raises:
            InputError: they do not fit the context.
        """
        prompt, ids = self.prompt_ids(problem), self.encode(text)
        if len(prompt) + len(ids) + beside > self.context:
            raise InputError(
                f"a text of problem {problem.id!r} to score has {len(prompt) + len(ids)} tokens with its prompt and "
                f"the model's context holds {self.context}: score a shorter one"
            )
        return prompt, ids

    def text(self, prefix_ids: Ids, tokens: Sequence[int], prefix: str) -> str:
        """Return the text of a sample, which begins with its prefix; a token's text may depend on its neighbours."""
        whole = self.decode([*prefix_ids, *tokens])
        return whole if whole.startswith(prefix) else prefix + self.decode(tokens)

    def is_step(self, token: int) -> bool:
        """Return whether a token ends a line."""
        known = self._steps.get(token)
        if known is None:
            known = self._steps[token] = "\n" in str(self.tokenizer.decode([token]))
        return known


class HasEncoder:
    """The part of an engine that handles tokens itself, with a :class:`PromptEncoder`."""

    encoder: PromptEncoder

    def encode(self, text: str) -> Ids:
        """Return the token ids of a text, without special tokens."""
        return self.encoder.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return self.encoder.decode(ids)

    def prompt_ids(self, problem: Problem) -> Ids:
        """Return the token ids of a problem's prompt, special tokens included.

        Raises:
            InputError: it leaves no room for an answer in the model's context.
        """
        return self.encoder.prompt_ids(problem)


async def score_prefixes(
    encoder: PromptEncoder,
    prefixes: Sequence[Prefix],
    tokens: Sequence[int],
    read: Callable[[Ids], Coroutine[Any, Any, Any]],
) -> NDArray[Any]:
    """Return P(token | prefix), shape [len(prefixes), len(tokens)]; each prefix is read by itself.

    Args:
        encoder: the model's encoder.
        prefixes: the prefixes; each must leave room for one more token.
        tokens: the tokens whose probabilities ``read`` gives.
        read: turns the tokens of a prompt and a text into those probabilities.

    Raises:
        InputError: a prefix that does not fit.
    """
    asked = [encoder.to_score(one.problem, one.text, beside=1) for one in prefixes]
    rows = await together([read(prompt + after) for prompt, after in asked])
    return np.array(rows, dtype=np.float64).reshape(len(asked), len(tokens))
