"""The errors a person can cause, each one sentence: what was expected, what was given, what to do.

The command line prints the sentence and exits with status 2; a program catches ``TTSError``.
"""


class TTSError(Exception):
    """Base of every error this framework raises on purpose."""


class InputError(TTSError, ValueError):
    """A file, an option, a configuration key or an argument is not what it must be."""


class PoolLockedError(TTSError):
    """Another process is writing to the same pool."""


class UnsupportedError(TTSError):
    """An engine, scorer or pool lacks what the strategy needs, such as branching on a recorded pool."""


class EngineError(TTSError):
    """An engine failed to draw or to score; the driver retries it, then shows it in the result.

    Attributes:
        again: whether another attempt may do better.
    """

    def __init__(self, message: str = "", *, again: bool = True) -> None:
        """Say what happened."""
        super().__init__(message)
        self.again = again


def first_line(error: BaseException) -> str:
    """What another library's error says first, without a full stop; its type where it says nothing."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
