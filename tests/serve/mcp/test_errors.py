"""Errors of calls: sentences of the error table, and nothing of a bug."""

from __future__ import annotations

import pytest

pytest.importorskip("mcp")

from mcp.server.mcpserver.exceptions import ToolError

from tts.errors import BusyError, DrawsFailedError, InputError, UnsupportedError
from tts.serve.errors import time_limit
from tts.serve.mcp.server import failing


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("a question must be text, got nothing"), "a question must be text, got nothing"),
        (UnsupportedError("no tokens"), "no tokens"),
        (DrawsFailedError("every draw failed: out of order"), "every draw failed: out of order"),
        (BusyError("busy"), "as many questions are in progress and waiting as this server takes: ask again later"),
        (time_limit(2.0), "the time limit of 2 s was up before one sample was finished: allow more, or ask for fewer"),
    ],
)
def test_each_error_is_one_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(ToolError) as found, failing():
        raise error
    assert str(found.value).startswith(sentence)


def test_a_bug_is_an_id_and_its_text_is_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "-".join(("the", "question"))
    with pytest.raises(ToolError, match=r"under request id [0-9a-f]{32}$") as found, failing():
        raise ZeroDivisionError(secret)
    assert secret not in str(found.value) + capsys.readouterr().err
