"""The prompt encoder: from a request to the tokens that a model reads, and from tokens to text.

Knows no model; every engine that handles tokens itself has an encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tts.boundaries import missing_signal
from tts.engines.base import Chunk, Prefix, Request
from tts.engines.special_tokens import Ids, PlainText
from tts.errors import InputError, UnsupportedError
from tts.prompts import ONE_MESSAGE, Prompt
from tts.types import End, Problem, Sample, Signals

__all__ = ["EncodedRequest", "HasEncoder", "Ids", "PromptEncoder"]

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

    def __init__(
        self,
        tokenizer: Any,
        prompt: Prompt,
        *,
        context: int,
        vocabulary: int,
        name: str = "",
        notify: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Take a tokenizer and the sizes of its model.

        Args:
            tokenizer: a Hugging Face tokenizer.
            prompt: turns a problem into the model's input.
            context: the most tokens that prompt and sample can have together.
            vocabulary: the number of the model's tokens.
            name: the model's name.
            notify: receives one sentence where the model is asked a chat and takes no chats.

        Raises:
            InputError: a chat prompt for a tokenizer without a chat template.
        """
        self.name, self._notify, self._noted = name or "this model", notify, False
        if prompt.chat and not getattr(tokenizer, "chat_template", None):
            raise InputError(f"{self.name} has no chat template: set task.chat=false, or choose a chat model")
        self.tokenizer, self.prompt = tokenizer, prompt
        self.context, self.vocabulary = context, vocabulary
        self._plain = PlainText(tokenizer)
        self._prompts: dict[tuple[str, str], tuple[str, Ids]] = {}
        self._steps: dict[int, bool] = {}

    def encode(self, text: str, *, special: bool = False) -> Ids:
        """Return the token ids of a text by itself.

        Args:
            text: the text.
            special: whether special tokens that it spells are these tokens; if not, they are plain text.
        """
        return self._plain.encode(text if special else self._plain.guard(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def prompt_ids(self, problem: Problem) -> Ids:
        """Return the token ids of a problem's prompt, special tokens of its template included.

        Raises:
            InputError: it leaves no room for an answer in the model's context.
        """
        return self._prompt(problem)[1]

    def _prompt(self, problem: Problem) -> tuple[str, Ids]:
        """Return a problem's prompt as a guarded text, and its tokens."""
        key = (problem.id, problem.question)
        if problem.messages or problem.tools:
            key = (problem.id, repr((problem.messages, problem.tools)))
        found = self._prompts.get(key)
        if found is None:
            if self.prompt.chat:
                text = self.prompt.rendered(problem, self.tokenizer, self._plain.guard)
            else:
                text = self._text(problem)
            ids = self._plain.encode(text, begin=not self.prompt.chat)
            if len(ids) >= self.context:
                raise InputError(
                    f"problem {problem.id!r} has a prompt of {len(ids)} tokens and the model's context holds "
                    f"{self.context}: shorten the prompt, give fewer examples, or choose a model with a longer context"
                )
            if len(self._prompts) >= MAX_CACHED_PROMPTS:
                self._prompts.clear()
            found = self._prompts[key] = text, ids
        return found

    def _text(self, problem: Problem) -> str:
        """Return the prompt of a model that is not asked in chat messages, guarded."""
        guard = self._plain.guard
        asked = replace(problem, question=guard(problem.question), messages=(), tools=())
        if problem.messages or problem.tools:
            self.prompt.text(problem)  # refuses what such a model does not take
            if not self._noted:
                self._noted = True
                self._notify(f"{self.name} {ONE_MESSAGE}")
        return self.prompt.text(asked)

    def continued(self, prefix: Prefix) -> tuple[Ids, Ids]:
        """Return the tokens of a problem's prompt, and those of the text behind it.

        Known tokens of the text stay as they are; a text without them is joined to its prompt before it is tokenized,
        and a token that straddles both belongs to the text.

        Args:
            prefix: the problem and the text.
        """
        start, prompt = self._prompt(prefix.problem)
        tail = prefix.filled(self._plain.guard)
        if prefix.token_ids:
            return prompt, prefix.token_ids + (self._plain.encode(tail) if tail else ()) + prefix.last_ids
        text = self._plain.guard(prefix.text) + tail
        if not text:
            return prompt, prefix.last_ids
        ids = self._plain.encode(start + text, begin=not self.prompt.chat)
        shared = next((at for at, (a, b) in enumerate(zip(prompt, ids, strict=False)) if a != b), len(prompt))
        shared = max(1, min(shared, len(ids) - 1))
        return ids[:shared], ids[shared:] + prefix.last_ids

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
        prefix_ids: Ids = ()
        if prefix is not None:  # one without tokens is continued behind those of its text
            prefix_ids = prefix.token_ids or self.prefix_ids(Prefix(request.problem, prefix.text))
        room = self.context - len(prompt) - self._probed(signals)
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

    def _probed(self, signals: Signals) -> int:
        """Return the number of tokens that are probed.

        Raises:
            InputError: a watched or probed token that the model does not have.
        """
        probed = () if signals.probe is None else (signals.probe,)
        for token in (*signals.watch, *probed):
            if not 0 <= token < self.vocabulary:
                raise InputError(
                    f"token {token} is to be watched or probed and the model has tokens 0 to {self.vocabulary - 1}: "
                    "use the model that this signal belongs to"
                )
        return len(probed)

    def prefix_ids(self, prefix: Prefix) -> Ids:
        """Return the tokens to put behind a problem's whole prompt so that a text can be continued."""
        prompt, ids = self.continued(prefix)
        whole = prompt == self.prompt_ids(prefix.problem)
        return ids if whole else self._plain.encode(self._plain.guard(prefix.text) + prefix.filled(self._plain.guard))

    def to_score(self, prefix: Prefix, *, beside: int = 0) -> tuple[Ids, Ids]:
        """Return the tokens of a problem's prompt, and those of a text behind it that is read.

        Args:
            prefix: the problem and the text.
            beside: the number of further tokens that must fit.

        Raises:
            InputError: they do not fit the context.
        """
        prompt, ids = self.continued(prefix)
        if len(prompt) + len(ids) + beside > self.context:
            raise InputError(
                f"a text of problem {prefix.problem.id!r} to score has {len(prompt) + len(ids)} tokens with its prompt "
                f"and the model's context holds {self.context}: score a shorter one"
            )
        return prompt, ids

    def to_read(self, prefix: Prefix, signals: Signals, *, beside: int = 0) -> tuple[Ids, Ids]:
        """Return the tokens of a problem's prompt, and those of a text behind it whose signals are read.

        Args:
            prefix: the problem and the text.
            signals: the signals to read.
            beside: the number of further tokens that must fit.

        Raises:
            InputError: they do not fit the context, or a token that the model does not have.
        """
        foreign = next((token for token in prefix.token_ids if not 0 <= token < self.vocabulary), None)
        if foreign is not None:
            raise InputError(
                f"a text of problem {prefix.problem.id!r} has token {foreign} and the model has tokens 0 to "
                f"{self.vocabulary - 1}: read it with the model that drew it"
            )
        return self.to_score(prefix, beside=beside + self._probed(signals))

    def text(self, prefix_ids: Ids, tokens: Sequence[int], prefix: str) -> str:
        """Return the text of a sample, which begins with its prefix; a token's text may depend on its neighbours."""
        whole = self.decode([*prefix_ids, *tokens])
        return whole if whole.startswith(prefix) else prefix + self.decode(tokens)

    def ended(self, prefix: Sample | None, ends: Collection[int]) -> Chunk | None:
        """Return what a prefix whose last token ends samples lacks: text and no token; None for any other prefix."""
        if prefix is None or not prefix.token_ids or prefix.token_ids[-1] not in ends:
            return None
        return Chunk(self.text(prefix.token_ids, (), prefix.text)[len(prefix.text) :], (), end=End.STOP)

    def is_step(self, token: int) -> bool:
        """Return whether a token ends a line."""
        known = self._steps.get(token)
        if known is None:
            known = self._steps[token] = "\n" in str(self.tokenizer.decode([token]))
        return known


class HasEncoder:
    """The part of an engine that handles tokens itself, with a :class:`PromptEncoder`."""

    _encoder: PromptEncoder

    @property
    def encoder(self) -> PromptEncoder:
        """The tokenizer and the prompt."""
        return self._encoder

    def encode(self, text: str, *, special: bool = False) -> Ids:
        """Return the token ids of a text by itself; see :meth:`PromptEncoder.encode`."""
        return self.encoder.encode(text, special=special)

    def prefix_ids(self, prefix: Prefix) -> Ids:
        """Return the token ids of a text behind its problem's prompt."""
        return self.encoder.prefix_ids(prefix)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return self.encoder.decode(ids)

    def prompt_ids(self, problem: Problem) -> Ids:
        """Return the token ids of a problem's prompt, special tokens included.

        Raises:
            InputError: it leaves no room for an answer in the model's context.
        """
        return self.encoder.prompt_ids(problem)
