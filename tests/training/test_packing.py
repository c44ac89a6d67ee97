"""Packing: branches that share a prompt are computed as if each stood alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model  # noqa: E402
from tts.models.packed import forward  # noqa: E402
from tts.training.packing import pack  # noqa: E402
from tts.training.responses import Branches, Response, group_rows  # noqa: E402

EOS, TOKEN = 2, 7
ONE = Response(0, (3, 4), (5, 6), True, True, "1")
TWO = Response(0, (3, 4), (8,), False, False, "2")
CUT = Response(1, (3,), (5, 6, 5), False, False, "2")


def test_each_branch_knows_its_places_and_what_follows_them() -> None:
    packed = pack([Branches((3, 4), (ONE, TWO), (9, 9)), Branches((3,), (CUT,), (9,))], end=EOS, token=TOKEN)
    assert packed.ids.tolist() == [[3, 4, 5, 6, 8, 9, 9], [3, 5, 6, 5, 9, 0, 0]]
    assert packed.positions.tolist()[0] == [0, 1, 2, 3, 2, 2, 3]
    assert packed.responses == 3
    assert packed.labels.tolist() == [
        [5, 6, EOS, -100], [8, -100, -100, -100], [5, 6, 5, -100], [9, 9, EOS, -100], [9, EOS, -100, -100],
    ]  # fmt: skip
    assert packed.at.tolist() == [2, 1, 3, 2, 1]
    read = packed.branches(packed.read(packed.ids))
    assert [row[: at + 1] for row, at in zip(read.tolist(), packed.at.tolist(), strict=True)] == [
        [4, 5, 6], [4, 8], [3, 5, 6, 5], [4, 9, 9], [3, 9],
    ]  # fmt: skip
    assert packed.inside.sum(1).tolist() == [3, 2, 4, 3, 2]
    assert packed.ends(packed.read(packed.ids)).tolist() == [6, 8, 5, 9, 9]


def test_read_after_it_the_token_follows_each_response_and_is_nobodys_label() -> None:
    packed = pack([Branches((3, 4), (ONE, TWO), (9,))], end=EOS, token=TOKEN, after=True)
    assert packed.ids.tolist() == [[3, 4, 5, 6, TOKEN, 8, TOKEN, 9]]
    assert packed.labels.tolist() == [[5, 6, EOS, -100], [8, -100, -100, -100], [9, EOS, -100, -100]]
    assert packed.at.tolist() == [3, 2, 1]
    assert (packed.labels != TOKEN).all()


def test_what_branches_share_is_computed_once() -> None:
    longer, other = replace(ONE, ids=(5, 6, 9)), replace(ONE, ids=(5, 8, 9), ended=False)
    row = Branches((3, 4), (ONE, longer, ONE, other), (5, 6))
    packed = pack([row], end=EOS, token=TOKEN)
    assert packed.ids.tolist() == [[3, 4, 5, 6, 9, 8, 9]] and row.length == 7
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 3, 4]]
    assert packed.places.tolist() == [1, 2, 3, 4, 5, 6]  # none of the prompt but its last
    assert packed.branches(packed.read(packed.ids)).tolist() == [
        [4, 5, 6, 4], [4, 5, 6, 9], [4, 5, 6, 4], [4, 5, 8, 9], [4, 5, 6, 4],
    ]  # fmt: skip
    assert packed.labels.tolist() == [
        [5, 6, EOS, -100], [5, 6, 9, EOS], [5, 6, EOS, -100], [5, 8, 9, -100], [5, 6, EOS, -100],
    ]  # fmt: skip
    assert packed.mask is not None
    assert [row.nonzero()[:, 0].tolist() for row in packed.mask[0, 0]] == [
        [0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 5], [0, 1, 2, 5, 6],
    ]  # fmt: skip
    fed = pack([row], end=EOS, token=TOKEN, after=True)
    assert fed.ids.tolist() == [[3, 4, 5, 6, TOKEN, 9, TOKEN, 8, 9, TOKEN]]


def test_a_row_of_equal_responses_needs_no_mask() -> None:
    assert pack([Branches((3, 4), (ONE, ONE))], end=EOS, token=TOKEN).mask is None


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("after", [False, True])
def test_a_branch_is_computed_as_if_it_stood_alone(attention: str, after: bool) -> None:
    small: Any = model()
    small.set_attn_implementation(attention)
    shared = (replace(ONE, ids=(5, 8, 6)), ONE, replace(ONE, ids=(5, 6, 9)))
    given = [
        Branches((30, 31, 32), (ONE, TWO), (40, 41, 42)),
        Branches((33,), (CUT,)),
        Branches((34, 35), shared),
    ]
    packed = pack(given, end=EOS, token=TOKEN, after=after)
    with torch.no_grad():
        found = packed.branches(packed.read(forward(small, packed).logits))
        alone = [
            [*one.prompt, *response.ids, *([TOKEN] if after else [])] for one in given for response in one.responses
        ] + [[30, 31, 32, 40, 41, 42]]
        prompts = [3, 3, 1, 2, 2, 2, 3]
        for row, ids, prompt in zip(found, alone, prompts, strict=True):
            wanted = small(input_ids=torch.tensor([ids])).logits[0, prompt - 1 :]
            assert torch.allclose(row[: len(wanted)], wanted, atol=1e-5)


def test_a_single_branch_a_row_needs_no_mask() -> None:
    assert pack([Branches((3,), (CUT,))], end=EOS, token=TOKEN).mask is None
    assert pack([Branches((3,), (CUT,), (9,))], end=EOS, token=TOKEN).mask is not None


def test_responses_go_together_by_question_and_prompt() -> None:
    other = Response(0, (9,), (5,), True, True, "1")
    assert group_rows([ONE, CUT, TWO, other, ONE, ONE], most=2) == [[0, 2], [1], [3], [4, 5]]
