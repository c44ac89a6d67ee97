"""A model at a server: its name, the server's features, and its tokenizer if the configuration names one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

from tts.engines.base import Capabilities
from tts.engines.special_tokens import end_ids, readable, suppressed_ids
from tts.engines.text import Ids, PromptEncoder
from tts.errors import InputError, first_line
from tts.prompts import Prompt

UNKNOWN_CONTEXT = 1 << 20
"""Context of a model whose server does not report one, in tokens."""

_TOKENS = "the most probable tokens at each position"
_IN_CHATS = {
    "continues": "a chat cannot be continued in the middle of an answer (set task.chat=false)",
    "alternatives": f"{_TOKENS} where it is asked in chat messages (set task.chat=false)",
}
_WITHOUT_IDS = {
    "continues": "this server continues no token ids (llama.cpp's does, and vLLM's with engine.openai.tokenizer) and "
    "does not report at which text it stopped",
    "alternatives": f"{_TOKENS} by their ids (llama.cpp's server returns them, vLLM's with engine.openai.tokenizer)",
}


@dataclass(frozen=True, slots=True)
class ServerFeatures:
    """The features of a server beyond drawing text.

    Attributes:
        token_ids: takes prompts as tokens, and returns the ids of the tokens that it draws.
        named_logprobs: returns the log-probabilities of given tokens.
        logprobs: returns the log-probabilities of the tokens that it draws.
        top_logprobs: the most top log-probabilities that it returns; 0 if it returns none.
        told_logprobs: of those, the number that it told when it was asked for the most.
        stop_reasons: reports the stop string that it met, and leaves it in the text.
        context: the context of its model in tokens, if it reports one.
        continues_ids: returns the ids of tokens beside their log-probabilities, and continues a text by such ids.
    """

    token_ids: bool = False
    named_logprobs: bool = False
    logprobs: bool = False
    top_logprobs: int = 0
    told_logprobs: int = field(default=0, compare=False)
    stop_reasons: bool = False
    context: int = UNKNOWN_CONTEXT
    continues_ids: bool = False

    @property
    def most_alternatives(self) -> int:
        """The most of the most probable tokens at a position that come back."""
        return min(self.top_logprobs, self.told_logprobs)

    def fewer_than(self, top: int) -> str:
        """Return a sentence where fewer top log-probabilities come back than ``top``; empty where enough do."""
        if top <= self.told_logprobs:
            return ""
        return (
            f"{self.told_logprobs} of the {top} most probable tokens that are asked for come back: means are those of "
            "the ones that do"
        )

    def lacks_of(self, other: ServerFeatures) -> str:
        """Return what this server lacks of another's features; empty where it lacks nothing."""
        if self & other == other:
            return ""
        names = [one.name for one in fields(self) if one.compare]
        lacking = [name for name in names if getattr(self & other, name) != getattr(other, name)]
        return ", ".join(f"{name}={getattr(self, name)} where {getattr(other, name)} is used" for name in lacking)

    def __and__(self, other: ServerFeatures) -> ServerFeatures:
        """Return the features that both servers have."""
        return ServerFeatures(
            token_ids=self.token_ids and other.token_ids,
            named_logprobs=self.named_logprobs and other.named_logprobs,
            logprobs=self.logprobs and other.logprobs,
            top_logprobs=min(self.top_logprobs, other.top_logprobs),
            told_logprobs=min(self.told_logprobs, other.told_logprobs),
            continues_ids=self.continues_ids and other.continues_ids,
            stop_reasons=self.stop_reasons and other.stop_reasons,
            context=min(self.context, other.context),
        )


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model at a server.

    Attributes:
        name: its name at the server.
        features: the features that all of its servers have.
        encoder: its tokenizer and prompt; None sends texts or chat messages.
        suppressed: ids of tokens that are never drawn; empty without an encoder.
        ends: ids of tokens that end a sample; empty without an encoder.
        count: returns a text's number of tokens; None without a tokenizer.
    """

    name: str
    features: ServerFeatures
    encoder: PromptEncoder | None = None
    suppressed: Ids = ()
    ends: frozenset[int] = frozenset()
    count: Callable[[str], int] | None = None

    def capabilities(self, *, chat: bool) -> Capabilities:
        """Return the abilities of an engine on this model.

        Args:
            chat: whether requests are chat messages.
        """
        features, texts = self.features, self.encoder is None
        by_ids = features.token_ids if not texts else features.continues_ids and not chat
        return Capabilities(
            watch_tokens=features.named_logprobs,
            score_prefix=features.named_logprobs,
            branch=features.stop_reasons and not chat,
            continues=by_ids,
            alternatives=features.most_alternatives if by_ids and not self.suppressed else 0,
            top=0 if self.suppressed else features.top_logprobs,
            steps=features.logprobs,
            logprobs=features.logprobs,
            probe=features.named_logprobs,
            watch_beside_top=False,
            turns=texts,
            calls=texts and chat,
            stop_texts=texts,
            first_tokens=features.top_logprobs if texts else 0,
            reads=readable(self.suppressed) if features.named_logprobs and not texts else frozenset(),
            lacks={} if by_ids else _IN_CHATS if chat else _WITHOUT_IDS,
        )


def load_served_model(name: str, features: ServerFeatures, *, tokenizer: str | None, prompt: Prompt) -> ServedModel:
    """Return a model at a server; its tokenizer counts tokens, and encodes prompts if the servers take token ids.

    Args:
        name: the model's name at the server.
        features: the features that all of its servers have.
        tokenizer: a model's directory, or its name on the hub.
        prompt: turns a problem into the model's input.

    Raises:
        InputError: no such tokenizer.
    """
    if tokenizer is None:
        return ServedModel(name, features)
    from transformers import AutoTokenizer, GenerationConfig

    folder = Path(tokenizer).expanduser()
    source = str(folder) if folder.is_dir() else tokenizer
    try:
        loaded = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"engine.openai.tokenizer {tokenizer} cannot be loaded ({first_line(error)}): give a model's directory, or "
            "its name on the hub"
        ) from None

    def count(text: str) -> int:
        return len(loaded(text, add_special_tokens=False).input_ids)

    if not features.token_ids:
        return ServedModel(name, features, count=count)
    try:
        generation = GenerationConfig.from_pretrained(source)
    except OSError:  # a model may come without
        generation = GenerationConfig()  # type: ignore[no-untyped-call]
    vocabulary = len(loaded)
    return ServedModel(
        name,
        features,
        PromptEncoder(loaded, prompt, context=features.context, vocabulary=vocabulary, name=tokenizer),
        suppressed_ids(generation.suppress_tokens, vocabulary),
        end_ids(generation.eos_token_id, loaded),
        count,
    )
