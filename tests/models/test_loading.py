"""Models are loaded without progress bars and warnings, which come back afterwards."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("transformers")

from transformers.utils import logging

from tts.models.loading import quiet, quiet_peft


@pytest.mark.parametrize("enabled", [True, False])
def test_progress_bars_are_off_inside_and_as_before_afterwards(enabled: bool) -> None:
    before = logging.is_progress_bar_enabled()
    try:
        (logging.enable_progress_bar if enabled else logging.disable_progress_bar)()
        with pytest.raises(OSError), quiet():
            assert not logging.is_progress_bar_enabled()
            raise OSError
        assert logging.is_progress_bar_enabled() == enabled
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()


def test_only_the_warning_of_peft_is_ignored() -> None:
    with pytest.warns(UserWarning) as caught, quiet_peft():
        warnings.warn("`is_gradient_checkpointing` is deprecated", stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    assert [str(one.message) for one in caught] == ["something else"]
