"""Servers that refuse fields, requests, or the list of models."""

from __future__ import annotations

from typing import Any

from tests.support.servers.plain import KNOWN, Body, PlainServer, RefusalError


class UnknownFields400(PlainServer):
    """400 for any field beside those of the interface (OpenAI)."""

    def check(self, body: Body) -> None:
        if unknown := sorted(set(body) - KNOWN):
            raise RefusalError(400, f"Unrecognized request argument supplied: {unknown[0]}")


class UnknownFields422(PlainServer):
    """422 in pydantic's form (mistralai/platform-docs-public#7)."""

    def check(self, body: Body) -> None:
        known = KNOWN - {"stream_options", "logprobs", "top_logprobs", "seed"}
        if unknown := sorted(set(body) - known):
            detail = [
                {"type": "extra_forbidden", "loc": ["body", one], "msg": "Extra inputs are not permitted", "input": 1}
                for one in unknown
            ]
            raise RefusalError(422, {"detail": detail})


class StrictTypes(PlainServer):
    """A boolean or null where the interface has a number is refused (vLLM, Mistral)."""

    def check(self, body: Body) -> None:
        numbers = ("top_logprobs", "max_tokens", "temperature", "top_p", "seed")
        for name in numbers:
            if name in body and (isinstance(body[name], bool) or not isinstance(body[name], int | float)):
                raise RefusalError(400, f"{name}: Input should be a valid integer")


class WantsMaxCompletionTokens(PlainServer):
    """``max_completion_tokens`` instead of ``max_tokens`` (NVIDIA-NeMo/Skills#804)."""

    def check(self, body: Body) -> None:
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            error = {"message": f"{message}'max_completion_tokens' instead.", "param": "max_tokens"}
            raise RefusalError(400, {"error": error})
        assert body["max_completion_tokens"] > 0


class OnlyDefaultTemperature(PlainServer):
    """A temperature other than 1 is refused (OpenAI's reasoning models, sbintuitions/flexeval#111)."""

    def check(self, body: Body) -> None:
        if body.get("temperature", 1) != 1:
            words = "Unsupported value: 'temperature' does not support 0.8 with this model. Only the default (1)"
            raise RefusalError(400, f"{words} value is supported.")


class NeverBoth(PlainServer):
    """``temperature`` and ``top_p`` together are refused (Anthropic)."""

    def check(self, body: Body) -> None:
        if {"temperature", "top_p"} <= set(body):
            raise RefusalError(400, "`temperature` and `top_p` cannot both be specified for this model.")


class TopPBelowOne(PlainServer):
    """``top_p`` of 1 is refused (TGI)."""

    def check(self, body: Body) -> None:
        if body.get("top_p", 0.5) >= 1:
            raise RefusalError(422, {"error": "`top_p` must be > 0.0 and < 1.0", "error_type": "validation"})


class AtLeast16Tokens(PlainServer):
    """Fewer than 16 tokens are refused (diegosouzapw/OmniRoute#1155)."""

    def check(self, body: Body) -> None:
        if body["max_tokens"] < 16:
            raise RefusalError(400, "max_tokens must be at least 16")


class NoStreams(PlainServer):
    """Streams need a verified organization (jundot/omlx#2297); whole answers do not."""

    def check(self, body: Body) -> None:
        if body.get("stream"):
            error = {"message": "Your organization must be verified to stream this model.", "param": "stream"}
            raise RefusalError(400, {"error": error})


class RefusesN(PlainServer):
    """``n`` above 1 is refused (TGI, llama.cpp before 2025)."""

    def check(self, body: Body) -> None:
        if body.get("n", 1) > 1:
            raise RefusalError(400, "Only one completion choice is allowed")


class NamesNothing(PlainServer):
    """Refuses ``stream_options`` without naming it."""

    def check(self, body: Body) -> None:
        if "stream_options" in body:
            raise RefusalError(400, b"Bad Request")


class NoLogprobs(PlainServer):
    """Log-probabilities are refused by a status (vLLM with ``--max-logprobs 0``, Gemini)."""

    def check(self, body: Body) -> None:
        if body.get("logprobs") is not None:
            raise RefusalError(403, "You are not allowed to request logprobs from this model")


class SmallContext(PlainServer):
    """The prompt and ``max_tokens`` do not fit (vLLM)."""

    def check(self, body: Body) -> None:
        if body["max_tokens"] > 100:
            raise RefusalError(
                400,
                f"'max_tokens' or 'max_completion_tokens' is too large: {body['max_tokens']}. This model's maximum "
                "context length is 128 tokens and your request has 28 input tokens (256 > 128 - 28).",
            )


class ModelsBare(PlainServer):
    """GET /models answers a bare list (Together; longy2k/obsidian-bmo-chatbot#51)."""

    def models(self) -> Any:
        return [{"id": "m"}, {"id": "other"}, "third", None]


class ModelsHtml(PlainServer):
    """GET /models answers a web page (lidge-jun/opencodex#617)."""

    def models(self) -> Any:
        return b"<!doctype html><html><title>Portal</title></html>"


class ModelsText(PlainServer):
    """GET /models answers text."""

    def models(self) -> Any:
        return b"OK"


class Models400(PlainServer):
    """GET /models answers 400 (yihong0618/bilingual_book_maker#527)."""

    status = 400

    def models(self) -> Any:
        raise RefusalError(self.status, "no list here", x_should_retry="false")


class Models401(Models400):
    """GET /models wants another key."""

    status = 401


class Models405(Models400):
    """GET /models is not allowed."""

    status = 405


class Models500(Models400):
    """GET /models fails."""

    status = 500


class ModelsWithout(PlainServer):
    """The list lacks the model that the server serves (a LiteLLM wildcard, an Ollama alias)."""

    def models(self) -> Any:
        return {"object": "list", "data": [{"id": "other"}]}


class OnlyCompletions(PlainServer):
    """No route for chats (llama-cpp-python's older servers, Petals)."""

    def check(self, body: Body) -> None:
        if "messages" in body:
            raise RefusalError(404, {"detail": "Not Found"})


class NoTemplate(PlainServer):
    """A model without a chat template (vLLM since transformers 4.44)."""

    def check(self, body: Body) -> None:
        if "messages" in body:
            words = "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat "
            raise RefusalError(400, f"{words}template if the tokenizer does not define one.")


class OnlyChats(PlainServer):
    """No route for completions (OpenAI's newer models, most hosted ones)."""

    def check(self, body: Body) -> None:
        if "prompt" in body:
            words = "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
            raise RefusalError(404, f"{words}v1/chat/completions?")


def refuses_system(words: str, status: int = 400) -> type[PlainServer]:
    """Return the server that refuses a system message (Gemma's templates; OpenAI's o1-mini; Gemini's Gemma)."""

    def check(self: PlainServer, body: Body) -> None:
        if any(message["role"] == "system" for message in body.get("messages", [])):
            raise RefusalError(status, words)

    return type("RefusesSystem", (PlainServer,), {"check": check, "__doc__": words})
