"""Servers that answer in forms of their own: events, reasons, texts, usage and log-probabilities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.servers.plain import Body, PlainServer


def ends_with(reason: Any) -> type[PlainServer]:
    """Return the server whose ``finish_reason`` is another one (openai/openai-dotnet#267, vespa-engine/vespa#33327)."""
    return type(f"EndsWith_{reason}", (PlainServer,), {"reason": reason, "__doc__": f"finish_reason {reason!r}."})


def reports(usage: Any) -> type[PlainServer]:
    """Return the server that reports usage in another shape (earendil-works/pi#2326)."""
    return type("Reports", (PlainServer,), {"usage": lambda self: usage, "__doc__": f"usage {usage!r}."})


class ChoicesNull(PlainServer):
    """The usage event has ``choices: null`` (pydantic/pydantic-ai#5170, RooCodeInc/Roo-Code#9105)."""

    def events(self, body: Body) -> Iterator[Any]:
        for event in super().events(body):
            yield {**event, "choices": event["choices"] or None}


class ChoicesMissing(PlainServer):
    """Events without ``choices``, of other types, and null."""

    def events(self, body: Body) -> Iterator[Any]:
        yield {"type": "ping"}
        yield None
        yield [None, 3]
        yield "text"
        for event in super().events(body):
            yield {name: value for name, value in event.items() if value}


class DeltaNull(PlainServer):
    """``delta: null`` beside ``finish_reason`` (microsoft/agent-framework#5734)."""

    def events(self, body: Body) -> Iterator[Any]:
        for number in range(len(self.words)):
            yield self.wrapped([{**self.choice(body, number), "finish_reason": None}, None])
        yield self.wrapped([{"index": None, "delta": None, "finish_reason": "stop", "logprobs": None}], usage=None)


class DeltaMissing(PlainServer):
    """No ``delta`` beside ``finish_reason`` (QwenLM/qwen-code#1448)."""

    def events(self, body: Body) -> Iterator[Any]:
        for number in range(len(self.words)):
            yield self.wrapped([{**self.choice(body, number), "finish_reason": ""}])
        yield {"choices": [{"finish_reason": "stop"}]}


class Parts(PlainServer):
    """Content is a list of parts (NousResearch/hermes-agent#4748, infiniflow/ragflow#14805)."""

    def message(self, text: str) -> Any:
        return {"content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": "x"}]}


class ThoughtParts(PlainServer):
    """Thoughts are parts of the content (Mistral's magistral)."""

    def message(self, text: str) -> Any:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "#### 4"}]}
        return {"content": [thought, {"type": "text", "text": text}]}


class ReasoningContent(PlainServer):
    """``reasoning_content`` beside null content (DeepSeek, SGLang)."""

    def events(self, body: Body) -> Iterator[Any]:
        yield self.wrapped([{"index": 0, "delta": {"content": None, "reasoning_content": "#### 4 "}}])
        yield from super().events(body)


class Reasoning(PlainServer):
    """``reasoning`` beside an empty content (Ollama, vLLM, OpenRouter)."""

    def events(self, body: Body) -> Iterator[Any]:
        yield self.wrapped([{"index": 0, "delta": {"content": "", "reasoning": "#### 4 "}}])
        yield from super().events(body)


class Crlf(PlainServer):
    """Comments, CRLF, names of events, no space after ``data:``, no [DONE] (TGI, OpenRouter)."""

    ends = b""

    def framed(self, data: Any) -> bytes:
        return b": OPENROUTER PROCESSING\r\nevent: message\r\nid: 1\r\ndata:" + json.dumps(data).encode() + b"\r\n\r\n"


class LineSeparators(PlainServer):
    """A reply with the line separators of Unicode, unescaped, which are no ends of lines in a stream."""

    words = ("One\u2028two\x85", "\n#### ", "5")

    def framed(self, data: Any) -> bytes:
        return f"data: {json.dumps(data, ensure_ascii=False)}\n".encode()


class Azure(PlainServer):
    """The first event has no choices, later ones have filters (Azure OpenAI)."""

    def events(self, body: Body) -> Iterator[Any]:
        yield {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "model": "", "id": "", "object": ""}
        for event in super().events(body):
            for choice in event["choices"]:
                choice["content_filter_results"] = {"hate": {"filtered": False}}
            yield event


class TakesN(PlainServer):
    """Several choices of one request, interleaved, the prompt counted once (OpenAI, vLLM)."""

    def events(self, body: Body) -> Iterator[Any]:
        for number in range(len(self.words)):
            for index in range(body.get("n", 1)):
                yield self.wrapped([{**self.choice(body, number), "index": index}])
        drawn = len(self.words) * body.get("n", 1)
        yield self.wrapped([], usage={"prompt_tokens": 11, "completion_tokens": drawn})


class Vllm(TakesN):
    """VLLM's marks: a stop reason in each choice, its own fields taken."""

    def choice(self, body: Body, number: int, *, whole: bool = False) -> Body:
        return {**super().choice(body, number, whole=whole), "stop_reason": None}


class UsageOfEachChoice(TakesN):
    """Usage of each choice of one request, each time with the prompt (llama.cpp, build 11549)."""

    def events(self, body: Body) -> Iterator[Any]:
        for event in super().events(body):
            if event["choices"]:
                yield event
        for _ in range(body.get("n", 1)):
            yield self.wrapped([], usage=self.usage())


class UsageOfOneChoice(TakesN):
    """Usage of one choice for a request of several (llama.cpp's whole answers)."""

    def events(self, body: Body) -> Iterator[Any]:
        for event in super().events(body):
            yield {**event, "usage": self.usage()} if not event["choices"] else event


class JsonForStream(PlainServer):
    """One JSON answer where a stream was asked for (BerriAI/litellm#4429)."""

    content_type, ends = "application/json", b""

    def events(self, body: Body) -> Iterator[Any]:
        yield json.dumps(self.answer(body), indent=1).encode()


class JsonLines(PlainServer):
    """JSON Lines instead of server-sent events."""

    content_type, ends = "application/x-ndjson", b""

    def framed(self, data: Any) -> bytes:
        return json.dumps(data).encode() + b"\n"


class Gzip(PlainServer):
    """A compressed stream."""

    zipped = True


class NoReason(PlainServer):
    """No ``finish_reason`` at all before [DONE]."""

    reason = None


class LlamaCpp(PlainServer):
    """Timings beside usage, log-probabilities of completions in the form of chats (llama.cpp)."""

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        return super().logprobs(words, {"messages": [], "top_logprobs": body.get("logprobs")})

    def events(self, body: Body) -> Iterator[Any]:
        yield from super().events({**body, "stream_options": None})
        timings = {"prompt_n": 4, "cache_n": 7, "predicted_n": 5, "prompt_ms": 1.0}
        yield self.wrapped([], usage=None, timings=timings)


class Together(PlainServer):
    """A bare number as the log-probability of each event, ``eos`` as the reason (Together)."""

    reason = "eos"

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        return -0.1 if len(words) == 1 else super().logprobs(words, {"prompt": "", "logprobs": 0})


class NoTop(PlainServer):
    """``top_logprobs`` null or missing (vercel/ai#6091)."""

    def token(self, word: str, top: list[Body]) -> Any:
        return {"token": word, "logprob": -0.1, **({"top_logprobs": None} if word == "5" else {})}


class TokenLogprobsNull(PlainServer):
    """Completions: ``token_logprobs`` null (run-llama/llama_index#11968)."""

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        return {"tokens": list(words), "token_logprobs": None, "top_logprobs": None}


class FirstNull(PlainServer):
    """Completions: null for the first token (xorbitsai/inference#5245)."""

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        told = super().logprobs(words, body)
        if "We " in words:
            told["token_logprobs"][0] = None
            told["top_logprobs"] = None
        return told


class Sentinel(PlainServer):
    """-9999 and -Infinity for tokens that are not among the most probable (openai-python, its types)."""

    def token(self, word: str, top: list[Body]) -> Any:
        odd = {"add.": -9999.0, "\n": -float("inf")}
        return {**super().token(word, top), "logprob": odd.get(word, -0.1)}


class NotInStreams(PlainServer):
    """Log-probabilities of whole answers, not of streams (abetlen/llama-cpp-python#197)."""

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        return None if body.get("stream") else super().logprobs(words, body)


class FewerAlternatives(PlainServer):
    """Four of the alternatives that were asked for (InternLM/lmdeploy#1548)."""

    def token(self, word: str, top: list[Body]) -> Any:
        others = [{"token": name, "logprob": p} for name, p in (("a", -3.1), ("b", -6.1), ("c", -9.1))]
        return {"token": word, "logprob": -0.1, "top_logprobs": [{"token": word, "logprob": -0.1}, *others]}


class TwinTexts(PlainServer):
    """Another token of the same text among the alternatives (vllm-project/vllm#44319)."""

    def token(self, word: str, top: list[Body]) -> Any:
        twins = [{"token": word, "logprob": -0.1}, {"token": word, "logprob": -8.0}]
        return {"token": word, "logprob": -0.1, "top_logprobs": twins}
