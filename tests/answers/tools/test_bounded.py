"""Checks by schemas that come with a request: they end in time, and are what the schema says."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from tts.answers.tools.calls import CallReader
from tts.errors import InputError
from tts.types import Problem, ToolCall


def call(name: str, arguments: Any) -> ToolCall:
    return ToolCall(name, json.dumps(arguments))


def with_parameters(parameters: Any) -> CallReader:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    return CallReader(Problem("q", "?", tools=(tool,)))


def test_patterns_are_matched_in_linear_time() -> None:
    slow = with_parameters({"properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}})
    began = time.process_time()
    assert slow.read([call("f", {"x": "a" * 5000 + "!"})]) is None and slow.read([call("f", {"x": "a" * 5000})])
    assert time.process_time() - began < 1.0
    inside = with_parameters({"properties": {"x": {"pattern": "[0-9]{3}"}}})
    assert inside.read([call("f", {"x": "a 123 b"})]) and not inside.read([call("f", {"x": "a 12"})])


def test_a_schema_that_doubles_its_work_is_given_up() -> None:
    doubling = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    found = with_parameters(
        {"$defs": {**doubling, "d40": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/d0"}}}
    )
    began = time.process_time()
    with pytest.raises(InputError, match="take more than 20000 steps to check"):
        found.read([call("f", {"x": "text"})])
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"properties": {"x": {"pattern": "(?=a)b"}}}, "holds the pattern '.*', which is none that is matched here"),
        ({"properties": {"x": {"pattern": "("}}}, "holds the pattern"),
        ({"patternProperties": {"(a+)+$": {}}}, "must not hold patternProperties"),
        ({"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#"}}}, r"must not hold \$schema"),
    ],
)
def test_schemas_that_cannot_be_checked_in_bounded_time_are_refused(parameters: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"tools\[0\]\.function\.parameters {sentence}"):
        with_parameters(parameters)


def test_the_draft_that_a_schema_names_is_its_own() -> None:
    old = with_parameters({"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"x": {"maximum": 3}}})
    assert old.read([call("f", {"x": 3})]) and not old.read([call("f", {"x": 4})])
