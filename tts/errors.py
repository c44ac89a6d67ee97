"""The errors a person can cause, each one sentence: what was expected, what was given, what to do.

The command line prints the sentence and exits with status 2, or 1 where draws failed; a program catches ``TTSError``.
"""

from __future__ import annotations

from collections.abc import Iterable

REFUSED = "refused"
"""The name of a failure: a server refuses the request itself, such as one that is too long for its model."""
UNREADABLE = "unreadable"
"""The name of a failure: the scorer can read nothing in the model's reply about a sample."""


class TTSError(Exception):
    """Base of every error this framework raises on purpose."""


class InputError(TTSError, ValueError):
    """A file, an option, a configuration key or an argument is not what it must be."""


class ServerRefusesError(InputError):
    """A server would refuse every request of this configuration: it has no such model, or no such route."""


class KeyRefusedError(ServerRefusesError):
    """A server refuses the key, or wants one."""


class PromptFormError(InputError):
    """A server takes prompts in the other form: text where chat messages were sent, or the reverse.

    Attributes:
        sentence: what it takes, without advice.
        chat: whether it takes chat messages.
    """

    def __init__(self, sentence: str, *, chat: bool) -> None:
        """Take the sentence, and the form that the server takes."""
        super().__init__(f"{sentence}: set task.chat={str(chat).lower()}")
        self.sentence, self.chat = sentence, chat


class PoolLockedError(TTSError):
    """Another process is writing to the same pool."""


class UnsupportedError(TTSError):
    """An engine, scorer or pool lacks what the strategy needs, such as branching on a recorded pool."""


class MissingSignalError(UnsupportedError):
    """A sample lacks the per-token signals that a scorer reads; others of the same source may have them."""


class DrawsFailedError(TTSError):
    """Draws of a run failed for good, so that it has nothing to show; the command line exits with status 1.

    Attributes:
        failure: the short name of the reason that all of them share, as of :class:`EngineError`; empty for none.
    """

    def __init__(self, message: str = "", *, failure: str = "") -> None:
        """Take the sentence."""
        super().__init__(message)
        self.failure = failure


class BusyError(TTSError):
    """A runner has as many questions in progress and waiting as it takes; the same question may be asked later."""


class EngineError(TTSError):
    """An engine failed to draw or to score; the driver retries it, then shows it in the result.

    Attributes:
        again: whether another attempt may do better.
        failure: a short name of a reason that lies in the request: :data:`REFUSED` or :data:`UNREADABLE`; empty for any
            other.
    """

    def __init__(self, message: str = "", *, again: bool = True, failure: str = "") -> None:
        """Take the sentence."""
        super().__init__(message)
        self.again, self.failure = again, failure


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, without a full stop; its type where it has no text."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def suggestion(given: object, allowed: Iterable[object]) -> str:
    """Return "; did you mean NAME?" with the allowed name closest to the given one; empty where none is close."""
    from difflib import get_close_matches

    close = get_close_matches(str(given), [str(name) for name in allowed], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def unknown_name(what: str, given: object, allowed: Iterable[str]) -> InputError:
    """Return the error for a name that is not among those allowed, which are listed with the closest one suggested."""
    names = sorted(allowed)
    return InputError(f"unknown {what} {given!r}: allowed are {', '.join(names)}{suggestion(given, names)}")
