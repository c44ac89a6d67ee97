"""``make data``: converted, checked against a checksum, and never half-written."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]

SVAMP = [{"ID": "c-1", "Body": "Ann has 3 pens", "Question": "How many?", "Answer": 1363293.0, "Type": "Sum"}]
MAWPS = (
    "Question,Numbers,Equation,Answer\n"
    "Al 's cat eats number0 times . How much for $ number1 ?,2.0 3.5,* number0 number1,7.0\n"
)


@pytest.fixture
def program() -> Any:
    spec = importlib.util.spec_from_file_location("fetch_data", ROOT / ".ci" / "fetch_data.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_are_converted(program: Any) -> None:
    [row] = program.svamp(json.dumps(SVAMP))
    assert (row["question"], row["answer"]) == ("Ann has 3 pens. How many?", "1363293")
    [row] = program.mawps_asdiv(MAWPS)
    assert row["question"] == "Al's cat eats 2 times. How much for $ 3.5?"
    assert row["answer"] == "2 * 3.5 = 7\n#### 7"


def test_files_are_written_once_and_a_changed_source_is_refused(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = json.dumps(SVAMP).encode()
    monkeypatch.setattr(program, "FILES", {"s.jsonl.gz": ("url", hashlib.sha256(raw).hexdigest(), program.svamp)})
    assert "wrote s.jsonl.gz" in program.fetch(tmp_path, lambda _: raw)
    assert json.loads(gzip.decompress((tmp_path / "s.jsonl.gz").read_bytes()))["id"] == "c-1"
    assert "holds every file already" in program.fetch(tmp_path, lambda _: b"")
    with pytest.raises(SystemExit, match="url holds another content than the pinned one"):
        program.fetch(tmp_path / "other", lambda _: b"changed")

    def offline(_: str) -> bytes:
        raise OSError("no network")

    with pytest.raises(SystemExit, match=r"url cannot be read \(no network\): put s\.jsonl\.gz into"):
        program.fetch(tmp_path / "other", offline)
    assert not list((tmp_path / "other").iterdir())
