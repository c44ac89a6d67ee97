"""The one check of what a strategy requires against what its source offers."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from tts.engines.base import Capabilities
from tts.requirements import Available, Missing, Requirements, missing
from tts.types import Signals

FLAGS = [field.name for field in fields(Requirements) if field.name not in ("signals", "preferred")]
NOTHING: dict[str, Any] = dict.fromkeys(FLAGS, False)


@pytest.mark.parametrize("source", ["pool", "fit pool", "engine"])
@pytest.mark.parametrize("flag", FLAGS)
def test_each_requirement_is_met_or_named_with_a_remedy(source: str, flag: str) -> None:
    required = replace(Requirements(), **{flag: True})
    assert missing(required, Available(source)) is None  # type: ignore[arg-type]
    lack = missing(required, Available(source, **NOTHING))  # type: ignore[arg-type]
    assert lack is not None and lack.reason and lack.remedy and str(lack) == f"{lack.reason}: {lack.remedy}"
    assert "{source}" not in str(lack)


def test_what_is_not_required_need_not_be_there() -> None:
    assert missing(Requirements(), Available("pool", **NOTHING, signals=Capabilities())) is None


def test_what_is_preferred_is_collected_where_one_pass_gives_it_beside_what_is_required() -> None:
    required = Requirements(signals=Signals(entropy=True), preferred=Signals(processed=True))
    both = Signals(entropy=True, processed=True)
    assert required.collected(None) == required.collected(Capabilities(entropy=True, processed=True)) == both
    assert required.collected(Capabilities(entropy=True)) == Signals(entropy=True)
    assert missing(required, Available("engine", signals=Capabilities(entropy=True))) is None
    apart = Requirements(signals=Signals(top=5), preferred=Signals(top=20))
    assert apart.collected(None) == Signals(top=5)


def test_signals_are_checked_against_their_source_and_taken_for_granted_without_one() -> None:
    required = Requirements(signals=Signals(entropy=True))
    assert missing(required, Available("engine")) is None
    assert missing(required, Available("engine", signals=Capabilities(entropy=True))) is None
    assert missing(required, Available("engine", signals=Capabilities())) == Missing(
        "needs the entropy of each token, which this engine cannot collect", "choose another engine.kind or strategy"
    )
    lack = missing(required, Available("fit pool", signals=Capabilities()))
    assert lack is not None and lack.reason == "reads the entropy of each token, and the fit pool has none"
