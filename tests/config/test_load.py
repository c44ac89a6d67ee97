"""Configurations: files, overrides and options in that order, and one sentence for whatever is wrong with them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from evals.config import CompareConfig, RunConfig
from evals.replay.synthetic import synthetic_pool
from tts.config import load_config
from tts.errors import InputError
from tts.pool import Pool

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
KEYS = [field.name for field in dataclasses.fields(CompareConfig)]


def refused(*overrides: str, file: Path | None = None) -> str:
    """The sentence with which a configuration is refused."""
    with pytest.raises(InputError) as caught:
        load_config(CompareConfig, [] if file is None else [file], overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_anything_the_defaults_hold() -> None:
    assert load_config(CompareConfig) == CompareConfig()


def test_later_files_beat_earlier_ones_and_overrides_beat_files(tmp_path: Path) -> None:
    one, two = tmp_path / "1.yaml", tmp_path / "2.yaml"
    one.write_text("seed: 1\npermutations: 11\nmargin: 0.01\nstrategies: [esc, cges]\n")
    two.write_text("seed: 2\npermutations: 22\nstrategies: [cisc]\n")
    loaded = load_config(CompareConfig, [one, two], ["seed=3", "tune=true", "budget=null"])
    assert loaded == CompareConfig(seed=3, permutations=22, margin=0.01, strategies=["cisc"], tune=True)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("seed=3", "seed", 3),
        ("budget=8", "budget", 8),
        ("budget=", "budget", None),
        ("margin=1e-3", "margin", 0.001),
        ("margin=0", "margin", 0.0),
        ("calibrate=platt", "calibrate", "platt"),
        ("strategies=[esc,cges]", "strategies", ["esc", "cges"]),
        ("strategies=[{name: a, stop: beta}]", "strategies", [{"name": "a", "stop": "beta"}]),
        ("strategies=esc", "strategies", ["esc"]),
        ("strategy=esc,{name: a, stop: beta}", "strategies", ["esc", {"name": "a", "stop": "beta"}]),
        ("strategies={a: 1}", "strategies", [{"a": 1}]),
        ("seed=${permutations}", "seed", 200),
    ],
)
def test_an_override_sets_one_key(override: str, key: str, value: Any) -> None:
    expected = CompareConfig(**{key: value})
    assert load_config(CompareConfig, [], [override]) == expected
    assert type(getattr(expected, key)) is type(value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "~\n"])
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_config(CompareConfig, [written(tmp_path, text)]) == CompareConfig()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("seed", r"override 'seed' must read key=value, such as seed=1"),
        ("=3", r"override '=3' must read key=value"),
        ("sead=3", r"override 'sead=3': unknown key 'sead': allowed are budget, .*; did you mean seed\?"),
        ("seed=abc", r"override 'seed=abc': key 'seed' must be a whole number, got 'abc'"),
        ("seed=3.5", r"key 'seed' must be a whole number, got 3\.5"),
        ("seed=true", r"key 'seed' must be a whole number, got true"),
        ("seed=", r"key 'seed' must be a whole number, got null"),
        ("seed.x=1", r"unknown key 'seed\.x': allowed are budget, "),
        ("seed=-1", r"seed must be at least 0, got -1"),
        ("seed=${nowhere}", r"key seed of the configuration: Interpolation key 'nowhere' not found"),
        ("budget=all", r"key 'budget' must be a whole number or null, got 'all'"),
        ("margin=half", r"key 'margin' must be a number, got 'half'"),
        ("tune=perhaps", r"key 'tune' must be true or false, got 'perhaps'"),
        ("answers=null", r"unknown kind of answers 'null'"),
        ("answers=numbr", r"unknown kind of answers 'numbr': allowed are .*; did you mean number\?"),
        ("calibrate=plat", r"unknown calibration 'plat': allowed are .*; did you mean platt\?"),
        ("strategies[0]=esc", r"unknown key 'strategies\[0\]': .*; did you mean strategies\?"),
        ("strategies=[esc", r"override 'strategies=\[esc' cannot be read: .* at line \d+, column \d+"),
        ("permutations=0", r"permutations must be from 1 to 1000000, got 0"),
        ("permutations=10000000000000000000000", r"permutations must be from 1 to 1000000, got 1000000"),
        ("replicates=0", r"replicates must be from 1 to 1000000, got 0"),
    ],
)
def test_a_bad_override_is_refused_naming_key_value_and_what_is_allowed(override: str, sentence: str) -> None:
    assert re.search(sentence, refused(override))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- seed: 1\n", r"c\.yaml must hold keys and values at its top level, such as `seed: 1`"),
        ("seed: [1,\nfoo: }\n", r"c\.yaml cannot be read: .* at line 2, column \d"),
        ("seed: 1\nseed: 2\n", r"c\.yaml cannot be read: found duplicate key seed at line 2"),
        ("seed: 1\n---\nseed: 2\n", r"c\.yaml cannot be read: .*another document at line 2"),
        ("seed: !!python/object/apply:os.getcwd []\n", r"cannot be read: could not determine a constructor"),
        (b"seed: \xff\n", r"c\.yaml cannot be read: 'utf-8' codec can't decode byte 0xff"),
        ("sead: 1\n", r"config file .*c\.yaml: unknown key 'sead': allowed are .*did you mean seed\?"),
        ("1: 2\n", r"unknown key '1'"),
        ("hello\n", r"unknown key 'hello'"),
        ("seed: abc\n", r"config file .*c\.yaml: key 'seed' must be a whole number, got 'abc'"),
        ("strategies: 3\n", r"key 'strategies' must be a list, got 3"),
        ("margin: ${a.b}\n", r"key margin of the configuration: Interpolation key 'a\.b' not found"),
    ],
)
def test_a_bad_file_is_refused_naming_the_file(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    assert re.search(sentence, refused(file=written(tmp_path, text)))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refused(file=tmp_path / "no.yaml").endswith("no.yaml does not exist")
    assert refused(file=tmp_path).endswith("cannot be read: Is a directory")


def test_nested_keys_are_named_in_full() -> None:
    @dataclasses.dataclass
    class Outer:
        inner: CompareConfig = dataclasses.field(default_factory=CompareConfig)

    assert load_config(Outer, [], ["inner.seed=4"]).inner.seed == 4
    for override, sentence in (
        ("inner.seed=x", r"key 'inner\.seed' must be a whole number, got 'x'"),
        ("inner.sead=1", r"unknown key 'inner\.sead': inner has budget, .*; did you mean inner\.seed\?"),
        ("inner=3", r"key 'inner' must be a mapping, got 3"),
    ):
        with pytest.raises(InputError, match=sentence):
            load_config(Outer, [], [override])


def test_the_example_of_all_defaults_holds_exactly_the_defaults_each_explained() -> None:
    path = CONFIGS / "compare.yaml"
    assert load_config(CompareConfig, [path]) == CompareConfig()
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert [line.partition(":")[0] for line in lines] == KEYS
    assert all(" # " in line for line in lines)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"questions": 0}, "at least 1 question and 1 sample, got 0 and 16"),
        ({"samples": -1}, "at least 1 question and 1 sample, got 300 and -1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_a_synthetic_pool_of_nothing_is_refused(counts: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        synthetic_pool(**counts)


def test_a_synthetic_pool_is_decided_by_its_seed() -> None:
    def made(seed: int) -> Pool:
        return synthetic_pool(questions=3, samples=4, seed=seed)

    assert made(1) == made(1)
    assert made(1).entries != made(2).entries


def test_a_text_replaces_a_mapping_inside_of_a_section() -> None:
    judge = "task.equal={name: judge, engine: {kind: fake}}"
    config = load_config(RunConfig, overrides=[judge, "task.equal=exact"])
    assert config.task.equal == {"name": "exact"}
    judged = ["task.equal=judge", "task.equal.engine.kind=fake", "task.equal.attempts=3"]
    named = load_config(RunConfig, overrides=judged)
    assert named.task.equal == {"name": "judge", "engine": {"kind": "fake"}, "attempts": 3}
