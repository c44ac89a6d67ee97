"""A comparison in one call: the numbers of the command line, in the forms of a notebook and a paper."""

from __future__ import annotations

import csv
import html
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import tts
from evals.replay.synthetic import synthetic_pool
from tests.cli.cases import Tts
from tts.errors import InputError
from tts.pool import write_jsonl

FAST: dict[str, Any] = {"permutations": 20, "replicates": 100, "strategies": ["self_consistency", "esc"]}


def test_it_is_the_comparison_of_the_command_line(tts: Tts, tmp_path: Path) -> None:
    from tts.api import compare

    path = tmp_path / "p.jsonl"
    write_jsonl(synthetic_pool(questions=20, samples=6), path)
    found = compare(path, budget=4, **FAST)
    ran = tts(
        "compare", path, "--budget", "4", "--permutations", "20", "--strategies", "self_consistency,esc",
        "replicates=100", "--json", tmp_path / "c.json",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    there = json.loads((tmp_path / "c.json").read_text())["strategies"]
    assert [row["accuracy"] for row in there] == [row.point.accuracy for row in found.outcome.rows]
    assert " ".join(ran.out.split()).endswith(" ".join(found.conclusion.split()) + f" wrote {tmp_path / 'c.json'}")


def test_it_has_the_forms_of_a_notebook_and_a_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = synthetic_pool(questions=20, samples=6)
    found = tts.compare(pool, **FAST)
    assert {row["strategy"] for row in csv.DictReader(io.StringIO(found.to_csv()))} == {"self_consistency", "esc"}
    assert found.to_markdown().startswith("| strategy") and r"\begin{tabular}" in found.to_latex()
    monkeypatch.setattr("evals.report_page.notebook.find_spec", lambda _: None)  # the extra of charts is missing
    shown = found._repr_html_()
    assert "<table" in shown and html.escape(found.conclusion) in shown
    assert ("data:image/png;base64," in shown) == (find_spec("matplotlib") is not None)
    assert "2 strategies" in repr(found) and len(repr(found)) < 400


def test_it_is_plotted_without_touching_matplotlibs_backend(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.get_backend()
    compared = tts.compare(synthetic_pool(questions=20, samples=6), **FAST)
    (tmp_path / "p.svg").write_text("mine")
    with pytest.raises(InputError, match="or force=True to replace it"):
        compared.plot(tmp_path / "p.svg")
    figure = compared.plot(tmp_path / "p.svg", force=True)
    assert (tmp_path / "p.svg").read_bytes().lstrip().startswith(b"<?xml") and len(figure.axes) >= 2
    assert matplotlib.get_backend() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"strategies": "ecs"}, "unknown strategy 'ecs'.*did you mean"),
        ({"budgett": 3}, r"tts.compare\(...\): unknown key 'budgett'"),
        ({"budget": 99}, "budget"),
        ({"pool": "no.jsonl"}, "no.jsonl: no such file"),
    ],
)
def test_bad_arguments_get_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    pool = arguments.pop("pool", synthetic_pool(questions=4, samples=3))
    with pytest.raises(tts.InputError, match=sentence):
        tts.compare(pool, **{**FAST, **arguments})
