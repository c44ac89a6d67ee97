"""Exports: another tool's log holds the pool's samples, and comes back as the same answers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evals.pools.exporting import export
from evals.pools.hub import DATA, card, pull, push
from tests.evals.pools.cases import JACK, RIGHT, TOM, WRONG, answers_of, imported, lines
from tts.errors import InputError
from tts.pool import Pool, read_pool


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    rows = [
        {
            "id": "a",
            "question": JACK,
            "text": [RIGHT, WRONG],
            "gold": "19",
            "logprobs": [[-0.5], [-0.25]],
            "model": "m",
        },
        {
            "id": "b",
            "question": TOM,
            "text": ["#### 7", "no idea"],
            "gold": "7",
            "logprobs": [[-1.0], [-2]],
            "model": "m",
        },
    ]
    return imported(tmp_path, lines(tmp_path / "rows.jsonl", *rows))


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("lm-eval", "log.jsonl"),
        ("inspect", "log.json"),
        ("parquet", "p.parquet"),
        ("jsonl", "p.jsonl.gz"),
        (None, "p.jsonl"),
    ],
)
def test_an_export_comes_back(pool: Pool, tmp_path: Path, to: str | None, name: str) -> None:
    target = tmp_path / name
    export(pool.path, target, to=to)
    (tmp_path / "back").mkdir()
    back = imported(tmp_path / "back", target)
    assert answers_of(back) == answers_of(pool) and [e.correct for e in back.entries] == [
        e.correct for e in pool.entries
    ]
    assert [e.problem.question for e in back.entries] == [JACK, TOM]
    assert [s.text for e in back.entries for s in e.samples] == [RIGHT, WRONG, "#### 7", "no idea"]
    if to != "lm-eval":
        assert back.entries[0].samples[1].trace.logprobs == (-0.25,) and back.models == ("m",)


def test_a_format_and_its_suffix_go_together(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown format 'csv': allowed are inspect, jsonl, lm-eval, parquet"):
        export(pool.path, tmp_path / "p.csv", to="csv")
    with pytest.raises(InputError, match=r"the file name of --to inspect must end in \.json"):
        export(pool.path, tmp_path / "p.eval", to="inspect")
    (tmp_path / "mine.json").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        export(pool.path, tmp_path / "mine.json", to="inspect")
    assert (tmp_path / "mine.json").read_text() == "mine"


def test_a_pushed_pool_is_pulled(pool: Pool, tmp_path: Path) -> None:
    folder = tmp_path / "data set"
    push(pool.path, str(folder))
    push(pool.path, str(folder))
    assert (folder / "README.md").read_text() == card(pool)
    assert "| questions | 2 |" in card(pool) and "| accuracy of one sample | 50.0 % |" in card(pool)
    pull(str(folder), tmp_path / "back.sqlite")
    assert read_pool(tmp_path / "back.sqlite").entries == pool.entries
    with pytest.raises(InputError, match="holds no pushed pool"):
        pull(str(tmp_path), tmp_path / "none.sqlite")
    with pytest.raises(InputError, match="it exists and holds no pushed pool"):
        push(pool.path, str(tmp_path))


def test_the_hub_is_asked_for_a_data_set(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Api:
        def create_repo(self, name: str, **options: Any) -> None:
            asked[name] = options

        def upload_folder(self, *, repo_id: str, repo_type: str, folder_path: str) -> None:
            if repo_id == "me/none":
                raise OSError("no network\nat all")
            asked["files"] = sorted(file.name for file in Path(folder_path).rglob("*") if file.is_file())

    def download(name: str, file: str, repo_type: str) -> str:
        folder = tmp_path / "cache"
        push(pool.path, str(folder))
        return str(folder / file)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=Api, hf_hub_download=download))
    push(pool.path, "hf://datasets/me/pool")
    assert asked["me/pool"] == {"repo_type": "dataset", "private": True, "exist_ok": True}
    assert asked["files"] == ["README.md", Path(DATA).name]
    with pytest.raises(InputError, match=r"me/none: the hub refuses or cannot be reached \(no network at all\)"):
        push(pool.path, "hf://datasets/me/none")
    assert pull("hf://datasets/me/pool", tmp_path / "pulled.sqlite").entries == read_pool(pool.path).entries
