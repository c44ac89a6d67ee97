"""Calls of tools as answers: what is the same vote, what never votes, and agreement by argument."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("jsonschema")

from tests.support.examples import examples
from tests.support.servers.calling import function
from tts.answers.tools.calls import TEXT, CallReader
from tts.answers.tools.spelling import parse, spelled
from tts.errors import InputError
from tts.types import Problem, Sample, ToolCall

ANY = {"type": "function", "function": {"name": "any"}}
WEATHER = function("weather", city="string", days="integer?", request_id="string?")
QUICK = settings(max_examples=examples(150), deadline=None)

LEAVES = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), VALUES, max_size=4)


def reader(*tools: Any, **more: Any) -> CallReader:
    ignore = more.pop("ignore", ())
    return CallReader(Problem("q", "?", tools=tools or (ANY, WEATHER), **more), ignore)


def call(name: str, arguments: Any) -> ToolCall:
    return ToolCall(name, arguments if isinstance(arguments, str) else json.dumps(arguments))


def one(arguments: str) -> str | None:
    return reader().read([ToolCall("any", arguments)])


def test_an_answer_of_calls_is_readable() -> None:
    found = reader().read([call("weather", {"days": 3.0, "city": "Oslo"})])
    assert found == '[{"arguments":{"city":"Oslo","days":3},"name":"weather"}]'


@QUICK
@given(OBJECTS, st.randoms(use_true_random=False))
def test_neither_the_order_of_keys_nor_spacing_matters(value: dict[str, Any], random: Any) -> None:
    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            items = list(node.items())
            random.shuffle(items)
            return {key: shuffled(inner) for key, inner in items}
        return [shuffled(inner) for inner in node] if isinstance(node, list) else node

    texts = [json.dumps(shuffled(value), indent=indent, ensure_ascii=ascii) for indent in (None, 2) for ascii in (0, 1)]
    found = {one(text) for text in texts}
    assert len(found) == 1 and None not in found


@QUICK
@given(VALUES, VALUES)
def test_spellings_are_equal_where_the_values_are(left: Any, right: Any) -> None:
    def typed(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: typed(inner) for key, inner in node.items()}
        if isinstance(node, list):
            return [typed(inner) for inner in node]
        return (type(node).__name__, node)  # True is 1 to Python

    same = spelled(parse(json.dumps(left))) == spelled(parse(json.dumps(right)))
    assert same == (typed(left) == typed(right))
    again = spelled(parse(json.dumps(left)))
    assert spelled(parse(again)) == again


@QUICK
@given(st.integers(-(10**25), 10**25), st.integers(-30, 30))
def test_a_number_has_one_spelling_however_it_is_written(digits: int, exponent: int) -> None:
    texts = [
        f"{digits}e{exponent}",
        f"{digits * 10}e{exponent - 1}",
        f"{digits}.0E{exponent}",
        f"{digits}.00e{exponent:+d}",
    ]
    assert len({one(f'{{"x": {text}}}') for text in texts}) == 1
    assert one(f'{{"x": {digits}e{exponent}}}') != one(f'{{"x": {digits + 1}e{exponent}}}')


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("1", "1.0", True),
        ("100", "1e2", True),
        ("0", "-0.0", True),
        ("0.1", "1e-1", True),
        ("1", "true", False),
        ("1", '"1"', False),
        ("0", "false", False),
        ("null", '""', False),
        ("0.1", "0.10000000000000000001", False),
        ("9007199254740993", "9007199254740992", False),
        ('"é"', '"\\u00e9"', True),
        ('"é"', '"e\\u0301"', False),
        ('"A"', '"a"', False),
        ("[1, 2]", "[2, 1]", False),
    ],
)
def test_one_is_one_point_zero_and_types_and_unicode_matter(left: str, right: str, same: bool) -> None:
    found = [one(f'{{"x": {value}}}') for value in (left, right)]
    assert None not in found and (found[0] == found[1]) == same


SEVERAL = st.lists(
    st.sampled_from([("any", {}), ("any", {"a": 1}), ("weather", {"city": "Oslo"})]), min_size=1, max_size=4
)


@QUICK
@given(SEVERAL, st.randoms(use_true_random=False))
def test_several_calls_are_a_multiset_unless_one_may_be_made_at_a_time(several: list[Any], random: Any) -> None:
    calls = [call(*each) for each in several]
    other = list(calls)
    random.shuffle(other)
    assert reader().read(calls) == reader().read(other)
    assert reader().read([*calls, calls[0]]) != reader().read(calls), "a set forgets that a call was made twice"
    in_order = reader(parallel_tool_calls=False)
    assert (in_order.read(calls) == in_order.read(other)) == (calls == other)


@pytest.mark.parametrize(
    "arguments",
    [
        *("{", "not json", "[]", "3", "null", '"x"', "{} {}", '{"x": NaN}', '{"x": Infinity}', '{"a": 1, "a": 2}'),
        *('{"x": "\\ud800"}', '{"x":' * 2000, '{"x":' + "[" * 70 + "]" * 70 + "}", '{"x": 1e99999999999999999999}'),
    ],
)
def test_arguments_that_are_no_json_object_never_vote(arguments: str) -> None:
    assert one(arguments) is None


@QUICK
@given(st.text(max_size=20))
def test_any_text_as_arguments_is_read_or_not_and_never_raises(text: str) -> None:
    found = one(text)
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = not text.strip()
    assert (found is not None) == is_object


def test_no_arguments_at_all_are_none() -> None:
    assert one("") == one("{}") == '[{"arguments":{},"name":"any"}]'
    assert reader().read([call("weather", "")]) is None, "the schema asks for a city"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("weather", {"days": 3}),
        ("weather", {"city": 3}),
        ("weather", {"city": "Oslo", "days": 1.5}),
        ("weather", {"city": "Oslo", "more": 1}),
        ("wether", {"city": "Oslo"}),
    ],
)
def test_calls_that_break_the_schema_or_name_no_tool_never_vote(name: str, arguments: Any) -> None:
    right = call("weather", {"city": "Oslo"})
    assert reader().read([call(name, arguments)]) is None
    assert reader().read([right, call(name, arguments)]) is None, "one of several is enough"
    assert reader().read([right]) is not None


def test_numbers_beyond_floating_point_are_exact_and_break_nothing() -> None:
    assert one('{"x": 1e400}') != one('{"x": 1e401}')
    limited = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": {"multipleOf": 0.1}}}}}
    assert reader(limited).read([ToolCall("f", '{"x": 1e400}')]) is None


def test_ignored_arguments_do_not_vote_but_must_keep_the_schema() -> None:
    ignoring = reader(ignore=["request_id"])
    first, other = ({"city": "Oslo", "request_id": name} for name in ("a", "b"))
    assert reader().read([call("weather", first)]) != reader().read([call("weather", other)])
    assert ignoring.read([call("weather", first)]) == ignoring.read([call("weather", other)])
    assert ignoring.read([call("weather", {"city": "Oslo", "request_id": 3})]) is None


def test_a_text_never_has_the_answer_of_a_call() -> None:
    spelled_call = reader().read([call("any", {})])
    assert reader().text(spelled_call) is None and reader().text("7") == "7" and reader().text(None) is None
    assert reader().names(Sample("7", "7")) == TEXT != reader().names(Sample("", "x", calls=(call("text", {}),)))


def test_tool_choice_excludes_what_it_excludes() -> None:
    any_call, weather = [call("any", {})], [call("weather", {"city": "Oslo"})]
    named = reader(tool_choice={"type": "function", "function": {"name": "weather"}})
    assert named.read(weather) and not named.read(any_call) and not named.text("7")
    assert reader(tool_choice="required").read(any_call) and not reader(tool_choice="required").text("7")
    assert not reader(tool_choice="none").read(any_call) and reader(tool_choice="none").text("7")


@pytest.mark.parametrize(
    ("tools", "more", "sentence"),
    [
        (({"name": "f"},), {}, r"tools\[0\] must be"),
        ((ANY, ANY), {}, r"tools\[1\] has the name 'any'"),
        (
            ({"type": "function", "function": {"name": "f", "parameters": {"type": "objekt"}}},),
            {},
            "must be a JSON schema",
        ),
        (({"type": "function", "function": {"name": "f", "parameters": 3}},), {}, "must be a JSON schema, got 3"),
        ((ANY,), {"tool_choice": "any"}, "tool_choice must be"),
        ((ANY,), {"tool_choice": {"type": "function", "function": {"name": "f"}}}, "with a name of any, got"),
    ],
)
def test_tools_that_cannot_be_used_are_refused(tools: Any, more: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        reader(*tools, **more)


def test_a_schema_is_never_fetched() -> None:
    schema = {"properties": {"x": {"$ref": "http://127.0.0.1:1/schema.json"}}}
    found = reader({"type": "function", "function": {"name": "f", "parameters": schema}})
    with pytest.raises(InputError, match="which they do not hold"):
        found.read([call("f", {"x": 1})])


def sample(reads: CallReader, *calls: ToolCall) -> Sample:
    return Sample("", reads.read(calls), calls=calls)


def test_agreement_is_told_by_argument_among_the_winners_names() -> None:
    reads = reader(ignore=["request_id"])
    winner = sample(reads, call("weather", {"city": "Oslo", "days": 3, "request_id": "a"}))
    others = [
        sample(reads, call("weather", {"city": "Oslo", "days": 3.0})),
        sample(reads, call("weather", {"city": "Oslo", "days": 4})),
        sample(reads, call("weather", {"city": "Bergen"})),
        sample(reads, call("any", {"city": "Oslo"})),
        sample(reads, call("weather", {"city": 3})),
        Sample("7", "7"),
    ]
    assert reads.agreements(winner, [winner, *others]) == ({"city": 0.75, "days": 0.5},)


def test_several_calls_agree_whatever_their_order() -> None:
    reads = reader()
    oslo, rome = call("any", {"city": "Oslo", "n": 1}), call("any", {"city": "Rome", "n": 1})
    winner, turned = sample(reads, oslo, rome), sample(reads, rome, oslo)
    assert reads.agreements(winner, [winner, turned]) == ({"city": 1.0, "n": 1.0},) * 2
    twice = sample(reads, oslo, oslo)
    assert reads.agreements(winner, [winner, twice]) == ({"city": 1.0, "n": 1.0}, {"city": 0.5, "n": 1.0})
    in_order = reader(parallel_tool_calls=False)
    assert in_order.agreements(winner, [winner, turned]) == ({"city": 0.5, "n": 1.0},) * 2
