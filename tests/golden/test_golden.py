"""The numbers, answers and texts that no rename or restructuring may change.

``golden_cases.py`` says what is played, ``data/`` what it gave before, ``names.json`` what is called otherwise since
then, and ``changed.json`` which values differ and why. ``make.py`` adds goldens.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .golden_cases import CASES, DATA, ECHOED, FORMATS, HERE, POOLS, PROSE
from .matching import differences, flatten, message, table_faults

NAMES = json.loads((HERE / "names.json").read_text())
CHANGED = json.loads((HERE / "changed.json").read_text())


def golden(case: str) -> Any:
    return json.loads(gzip.decompress((DATA / f"{case}.json.gz").read_bytes()))


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, tts: Callable[..., Any], tmp_path: Path) -> None:
    new = json.loads(json.dumps(CASES[case](tts, tmp_path)))
    found = differences(case, golden(case), new, names=NAMES, changed=CHANGED, prose=PROSE, echoed=ECHOED)
    assert not found, message(found)


def test_every_golden_and_every_stored_pool_is_compared() -> None:
    assert {path.name for path in DATA.iterdir()} == {f"{case}.json.gz" for case in CASES}
    assert {path.name for path in POOLS.iterdir()} == set(FORMATS)


def test_every_change_has_its_reason() -> None:
    assert table_faults(NAMES, CHANGED) == []
    assert table_faults({"a": None}, [{"path": "x:b", "why": " "}]) == [
        "changed.json: {'path': 'x:b', 'why': ' '} needs a path and a reason",
        "names.json: a is removed, and changed.json does not say why",
    ]


OLD: Any = {
    "rows": [
        {"name": "old_row", "point": {"budget": 3, "cost": 0.25}, "reason": "budget", "ci": [0.5, 1], "source": "here"},
        {"name": "other", "point": {"budget": 4, "cost": 1e-13}, "reason": None, "ci": [0.5, 2], "source": "there"},
    ],
    "config": {"engine": {"kind": "fake", "rows": 4, "on": True}},
}


def differing(new: Any, names: dict[str, str | None] | None = None, *changed: str) -> list[str]:
    reasons = [{"path": path, "why": "a test"} for path in changed]
    found = differences("case", OLD, new, names=names or {}, changed=reasons, prose=["source"], echoed=["config"])
    return [line.removeprefix("case:") for line in found]


def test_equal_values_match_and_new_keys_prose_order_and_settings_do_not_count() -> None:
    first, second = OLD["rows"]
    new = {
        "rows": [{**second, "new": 1, "point": {"budget": 4, "cost": 0.0}}, {**first, "source": "elsewhere"}],
        "config": {"engine": {"kind": "none", "rows": 4, "on": False}},
    }
    assert differing(OLD) == differing(new) == []


@pytest.mark.parametrize(
    ("at", "value", "sentence"),
    [
        (("rows", 0, "point", "budget"), 4, "rows.old_row.point.budget was 3 and is 4"),
        (("rows", 0, "point", "cost"), 0.25 + 1e-9, "rows.old_row.point.cost was 0.25 and is 0.250000001"),
        (("rows", 0, "point", "budget"), True, "rows.old_row.point.budget was 3 and is True"),
        (("rows", 0, "reason"), "beta", "rows.old_row.reason was 'budget' and is 'beta'"),
        (("rows", 1, "reason"), "", "rows.other.reason was None and is ''"),
        (("rows", 0, "ci"), [0.5, 1, 2], "rows.old_row.ci.# was 2 and is 3"),
        (
            ("rows", 0, "point"),
            {"budget": 3},
            "rows.old_row.point.cost is missing, looked for at rows.old_row.point.cost",
        ),
        (("config", "engine", "rows"), 5, "config.engine.rows was 4 and is 5"),
    ],
)
def test_a_difference_is_named(at: tuple[Any, ...], value: Any, sentence: str) -> None:
    new = json.loads(json.dumps(OLD))
    place = new
    for part in at[:-1]:
        place = place[part]
    place[at[-1]] = value
    assert differing(new) == [sentence]
    assert differing(new, None, f"case:{sentence.split()[0]}") == differing(new, None, "case:*") == []


def test_names_are_renamed_as_keys_rows_and_strings() -> None:
    text = json.dumps(OLD).replace('"name"', '"strategy"').replace('"old_row"', '"new_row"')
    text = text.replace('"budget":', '"limit":').replace('"point"', '"mean"').replace('"ci"', '"interval"')
    new = json.loads(text)
    for row in new["rows"]:
        row["spent"] = row["mean"].pop("cost")
    names = {"name": "strategy", "old_row": "new_row", "key:budget": "limit", "point": "mean", "point.cost": "spent"}
    assert differing(new, {**names, "ci": "interval"}) == []
    assert differing(new, {**names, "ci": None}) == []
    assert differing(new, {**names, "ci": "interval", "value:budget": "end"}) == [
        "rows.old_row.reason was 'budget' and is 'budget'"
    ]
    assert len(differing(new, names)) == 6


def test_items_without_distinct_names_are_numbered() -> None:
    assert flatten({"a": [{"name": "x"}, {"name": "x"}], "b": []}) == {
        ("a", "#"): 2,
        ("a", "0", "name"): "x",
        ("a", "1", "name"): "x",
        ("b",): (),
    }
