"""Features are detected by requests; two servers share those that both have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

openai = pytest.importorskip("openai")

from tests.engines.openai.cases import Body, RefusalError, Scripted, serving  # noqa: E402
from tts.engines.openai.features import UNKNOWN_CONTEXT, ServerFeatures, detect_features  # noqa: E402
from tts.errors import InputError  # noqa: E402


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def detect(server: Scripted, *, model: str = "m", **more: Any) -> ServerFeatures:
    options = {"chat": False, "has_tokenizer": True, **more}
    with openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        return detect_features(client, model, **options)


def test_two_servers_share_the_features_of_both() -> None:
    rich = ServerFeatures(token_ids=True, named_logprobs=True, top_logprobs=20, stop_reasons=True, context=512)
    poor = ServerFeatures(top_logprobs=5)
    assert rich & rich == rich
    assert rich & poor == poor & rich == ServerFeatures(top_logprobs=5, context=512)
    assert ServerFeatures().context == UNKNOWN_CONTEXT


def test_fields_that_a_server_ignores_are_no_features(server: Scripted) -> None:
    assert detect(server) == ServerFeatures(top_logprobs=20)
    assert all(body["max_tokens"] == 1 for body in server.seen)


def test_a_server_that_refuses_other_fields_is_asked_without() -> None:
    with serving(strict=True) as strict:
        assert detect(strict) == ServerFeatures(top_logprobs=20)


def test_a_limit_on_log_probabilities_is_found(server: Scripted) -> None:
    limit = 5

    def limited(body: Body) -> None:
        if (body.get("logprobs") or 0) > limit:
            raise RefusalError(400, "too many logprobs")

    server.meet = limited
    assert detect(server).top_logprobs == 5
    limit = 0
    assert detect(server).top_logprobs == 0


def test_refusals_are_one_sentence(server: Scripted) -> None:
    with pytest.raises(InputError, match=r"does not serve other: give engine\.model one of m"):
        detect(server, model="other")

    def refuse(body: Body) -> None:
        raise RefusalError(500, "out of order")

    server.meet = refuse
    with pytest.raises(InputError, match=r"refuses a request for one token \(out of order\)"):
        detect(server)
