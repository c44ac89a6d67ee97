"""A component is built from a name or a mapping; anything that its builder does not take gets one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from tts.components import build_component, describe_type, fits, read_options
from tts.errors import InputError


@dataclass(frozen=True)
class Cutter:
    length: int = 3
    weight: float | None = None
    mode: Literal["near", "far"] = "near"
    name: ClassVar[str] = "cutter"


class Reader:
    def __init__(self, source: Path, *, flag: bool = False, folder: Path | None = None) -> None:
        self.source, self.flag, self.folder = source, flag, folder


KINDS: dict[str, Any] = {"cutter": Cutter, "reader": Reader, "short": partial(Cutter, 1)}


def test_a_name_or_a_mapping_builds_the_component() -> None:
    assert build_component("tool", KINDS, "cutter") == Cutter()
    assert build_component("tool", KINDS, {"name": "cutter", "length": 5, "weight": 2}) == Cutter(5, 2)
    assert build_component("tool", KINDS, {"name": "cutter", "weight": None, "mode": "far"}) == Cutter(mode="far")
    assert build_component("tool", KINDS, {"name": "short", "weight": 0.5}) == Cutter(1, 0.5)
    assert build_component("tool", KINDS, {"name": "reader", "source": "x"}).source == "x"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (3, r"tool must be a name or a mapping \{name: \.\.\., option: \.\.\.\}, got 3"),
        ({"length": 3}, r"unknown tool 'None': allowed are cutter, reader, short"),
        ("cuter", r"unknown tool 'cuter': allowed are cutter, reader, short; did you mean cutter\?"),
        ({"name": "cutter", "lenth": 3}, r"option of tool cutter 'lenth': allowed are .*; did you mean length\?"),
        ({"name": "cutter", "name_": 3}, r"unknown option of tool cutter 'name_': allowed are length, mode, weight"),
        ({"name": "cutter", "length": 3.5}, r"tool cutter needs a whole number for length, got 3\.5"),
        ({"name": "cutter", "length": True}, r"tool cutter needs a whole number for length, got True"),
        ({"name": "cutter", "weight": "x"}, r"tool cutter needs a number or null for weight, got 'x'"),
        ({"name": "cutter", "weight": float("nan")}, r"tool cutter needs a finite number for weight, got nan"),
        ({"name": "cutter", "mode": "mid"}, r"tool cutter needs one of near, far for mode, got 'mid'"),
        ({"name": "short", "length": 2}, r"unknown option of tool short 'length': allowed are mode, weight"),
        ({"name": "reader"}, r"tool reader needs a value for source"),
        ({"name": "reader", "source": 3}, r"tool reader needs a path for source, got 3"),
        ({"name": "reader", "source": "x", "flag": 1}, r"tool reader needs true or false for flag, got 1"),
    ],
)
def test_anything_else_gets_one_sentence(spec: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"{sentence}$"):
        build_component("tool", KINDS, spec)


def test_hidden_parameters_further_keys_and_readers() -> None:
    with pytest.raises(InputError, match=r"option of reader 'folder': allowed are flag, map, source$"):
        read_options("reader", Reader, {"folder": "x"}, hidden=("folder",), also=("map",))
    with pytest.raises(InputError, match=r"reader needs scorer\.source$"):
        read_options("reader", Reader, {}, section="scorer")
    found = read_options("reader", Reader, {"source": [1, 2]}, readers={"source": sum})
    assert found == {"source": 3}


def test_types_have_words_and_accept_plain_values() -> None:
    assert describe_type(int | None) == "a whole number or null"
    assert describe_type(dict[str, int] | str) == "a mapping or text"
    assert describe_type(list[int]) == "a list" and describe_type(Cutter) == "a mapping"
    assert fits(3, float) and not fits(3.0, int) and not fits(True, int | float) and fits(True, bool)
    assert describe_type(Mapping[str, Any]) == "a mapping" and describe_type(Sequence[int]) == "a list"
    assert fits({}, Mapping[str, Any]) and fits([1], Sequence[int]) and not fits("ab", Sequence[str])
    assert fits([1], list[int]) and fits({}, dict[str, Any]) and fits(None, str | None) and not fits(None, str)
    assert fits(object(), Any) and fits("x", object)
