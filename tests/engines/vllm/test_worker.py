"""Watched tokens are gathered for a whole batch at once, with the same results as row by row."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.engines.vllm import stub  # noqa: E402
from tts.engines.vllm.worker import IS_PATCHED, WorkerExtension, patch_sampler  # noqa: E402


class Sampler:
    """Counts the batches that are gathered row by row."""

    by_row = 0

    def gather_specific_token_logprobs(self, logprobs: Any, logprob_token_ids: Any, sampled: Any) -> str:
        type(self).by_row += 1
        return "by row"


def test_only_the_known_method_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    stub.install(monkeypatch)

    class Renamed:
        def gather_specific_token_logprobs(self, logprobs: Any, ids: Any) -> None: ...

    unknown = Renamed.gather_specific_token_logprobs
    assert not patch_sampler(object) and not patch_sampler(Renamed)
    assert Renamed.gather_specific_token_logprobs is unknown
    assert WorkerExtension().gathers_whole_batch() is IS_PATCHED


def test_rows_that_watch_the_same_tokens_are_one_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    stub.install(monkeypatch)

    class Quick(Sampler):
        gather_specific_token_logprobs = Sampler.gather_specific_token_logprobs

    assert patch_sampler(Quick)
    torch.manual_seed(0)
    logprobs, sampled = torch.randn(4, 9).log_softmax(-1), torch.tensor([3, 0, 8, 7])
    found: Any = Quick().gather_specific_token_logprobs(logprobs, {row: [7, 2] for row in range(4)}, sampled)
    assert Quick.by_row == 0
    assert found.logprob_token_ids.tolist() == [[token, 7, 2] for token in sampled.tolist()]
    for row, token in enumerate(sampled.tolist()):
        assert torch.equal(found.logprobs[row], logprobs[row, [token, 7, 2]])
        assert found.selected_token_ranks[row] == (logprobs[row] >= logprobs[row, token]).sum()


@pytest.mark.parametrize("watched", [{0: [7], 1: [7]}, {0: [7], 1: [7], 2: [7], 3: [2]}], ids=["some rows", "mixed"])
def test_other_batches_are_left_to_vllm(monkeypatch: pytest.MonkeyPatch, watched: dict[int, list[int]]) -> None:
    stub.install(monkeypatch)

    class Quick(Sampler):
        gather_specific_token_logprobs = Sampler.gather_specific_token_logprobs

    assert patch_sampler(Quick)
    found: Any = Quick().gather_specific_token_logprobs(torch.zeros(4, 9), watched, torch.zeros(4, dtype=torch.int64))
    assert found == "by row" and Quick.by_row == 1
