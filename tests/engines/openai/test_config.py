"""A configuration of servers is refused in one sentence that names its keys."""

from __future__ import annotations

import pytest

from tts.engines.openai.config import OpenAIConfig
from tts.errors import InputError

URL = "http://localhost:8000/v1"


def test_urls_are_needed_and_are_urls() -> None:
    OpenAIConfig(urls=[URL, "https://example.org/v1"]).check()
    with pytest.raises(InputError, match=r"needs engine\.openai\.urls, such as"):
        OpenAIConfig().check()
    with pytest.raises(InputError, match=r"engine\.openai\.urls must be URLs such as .* got 'localhost:1'"):
        OpenAIConfig(urls=[URL, "localhost:1"])


@pytest.mark.parametrize(
    ("values", "given"),
    [
        ({"concurrency": 0}, "got 0, 4, 60 and 120"),
        ({"retries": -1}, "got 128, -1, 60 and 120"),
        ({"outage_timeout_s": -1.0}, "got 128, 4, -1 and 120"),
        ({"timeout_s": 0.0}, "got 128, 4, 60 and 0"),
        ({"timeout_s": float("nan")}, "got 128, 4, 60 and nan"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, float], given: str) -> None:
    with pytest.raises(InputError, match=f"outage_timeout_s at least 0 and timeout_s above 0, {given}"):
        OpenAIConfig(urls=[URL], **values)  # type: ignore[arg-type]
