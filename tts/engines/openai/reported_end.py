"""The end of a sample by the meaning of its server's report."""

from __future__ import annotations

from collections.abc import Callable

from tts.engines.openai.answers.events import Finish, finish_meaning
from tts.engines.openai.answers.received import Received
from tts.engines.openai.output_stream import UNREPORTED
from tts.errors import EngineError
from tts.types import Boundary, End


def reported_end(until: Boundary, reason: str, received: Received, *, notify: Callable[[str], None]) -> End:
    """Return why a sample ended, by the meaning of the server's report.

    Args:
        until: the sample's boundary.
        reason: the server's ``finish_reason``.
        received: the sample, with the stop string that it met if the server reports one.
        notify: receives a sentence about a reason that is not known.

    Raises:
        EngineError: a failure of the server, or a filter that took the sample.
    """
    meaning = Finish.STOP if reason == UNREPORTED else finish_meaning(reason)
    if meaning is Finish.LENGTH:
        return End.BOUNDARY if until.kind == "tokens" else End.LENGTH
    if meaning is Finish.FILTERED:
        raise EngineError(f"the server's content filter ended a sample ({reason})", again=False)
    if meaning is Finish.FAILED or (meaning is Finish.OTHER and not received.whole):
        raise EngineError(f"the server ended a sample with {reason!r}")
    if meaning is Finish.OTHER or reason == UNREPORTED:
        given = "no reason" if reason == UNREPORTED else f"the reason {reason!r}"
        notify(f"the server ends samples with {given}: they count as finished")
    return End.BOUNDARY if until.kind == "step" and received.stop is not None else End.STOP
