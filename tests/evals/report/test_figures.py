"""Figures: what is refused, one fixed colour a strategy, and labels that do not overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.report.figures import Label, check, colour, label_ends, save
from tts.errors import InputError
from tts.files import Output, check_outputs


def test_a_plot_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match=r"plot p\.gif must end in \.png, \.svg or \.pdf"):
        check("p.gif")


def test_a_strategy_has_one_colour_whoever_stands_beside_it() -> None:
    assert colour("self_consistency") == "#000000"
    assert colour("mine") == colour("mine") and colour("esc") != colour("cges")


def test_labels_at_one_place_move_apart_and_files_repeat(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    label_ends(axes, [Label(name, 0.2, 0.5, "#000000") for name in ("a", "b", "c")])
    heights = [text.xyann[1] for text in axes.texts]
    assert len({round(height, 4) for height in heights}) == 3
    for suffix, head in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
        save(figure, one, command="tts compare")
        save(figure, two, command="tts compare")
        assert one.read_bytes() == two.read_bytes() and one.read_bytes().startswith(head)
        check_outputs([Output(one, "picture")], [], command="tts compare")
        with pytest.raises(InputError, match="is no picture of `tts run`"):
            check_outputs([Output(one, "picture")], [], command="tts run")
