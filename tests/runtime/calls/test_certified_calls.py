"""The simulation behind the page on certified calls: no certificate is contradicted, and masses need fewer draws."""

from __future__ import annotations

import pytest

pytest.importorskip("jsonschema")

from benchmarks.agent.certified_calls import STRATEGIES, lines


def test_no_certificate_of_a_simulated_model_is_contradicted() -> None:
    rows = [line.split() for line in list(lines(25, 1))[3:]]
    assert [row[1] for row in rows] == [*STRATEGIES] * 3
    assert {row[-1] for row in rows if row[1].startswith("mass_")} == {"0"}
    draws = {row[1]: float(row[2]) for row in rows if row[0] == "sure"}
    assert draws["mass_gated"] < draws["adaptive_consistency"]
