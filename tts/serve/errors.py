"""The error table of the gateway: each exception, and the status, type, code and headers that a client gets.

Every body is ``{"error": {"message", "type", "param", "code"}}``, as OpenAI's clients read it. Those clients ask again
by themselves after 408, 409, 429 and 5xx unless the header ``x-should-retry`` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tts.errors import (
    REFUSED,
    BusyError,
    DrawsFailedError,
    EngineError,
    InputError,
    PromptFormError,
    ServerRefusesError,
    UnsupportedError,
)

REQUEST, AUTHENTICATION, PERMISSION = "invalid_request_error", "authentication_error", "permission_error"
RATE, SERVER = "rate_limit_error", "server_error"
NO_RETRY: Mapping[str, str] = {"x-should-retry": "false"}
GONE = 499
"""The status in log and metrics of a request whose client left; it is not sent."""


@dataclass(frozen=True)
class Failure:
    """A row of the table: everything that a client gets of an error.

    Attributes:
        status: the HTTP status.
        type: the error's type.
        code: the error's code.
        message: one sentence.
        param: the field that is at fault; None for none.
        headers: further headers.
    """

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """The body as a JSON object."""
        inner = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": inner}

    @property
    def body(self) -> bytes:
        """The body, in ASCII: a message may repeat half of a character."""
        return json.dumps(self.content).encode()


NO_JSON = Failure(400, REQUEST, "invalid_json", "the body is no JSON that can be read")
"""The refusal of bytes that are no text, or of a number without end."""


class ApiError(Exception):
    """A refusal of the gateway itself."""

    def __init__(self, failure: Failure) -> None:
        """Take the row of the table."""
        super().__init__(failure.message)
        self.failure = failure


def bad_request(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """Return the refusal of a request."""
    return ApiError(Failure(400, REQUEST, code, message, param))


def no_key() -> ApiError:
    """Return the refusal of a request without a key."""
    message = "this server needs a key: send the header Authorization: Bearer KEY"
    return ApiError(Failure(401, AUTHENTICATION, "missing_api_key", message, headers={"www-authenticate": "Bearer"}))


def wrong_key() -> ApiError:
    """Return the refusal of a key that is not known."""
    message = "the key is not one of this server's: check the header Authorization"
    return ApiError(Failure(401, AUTHENTICATION, "invalid_api_key", message, headers={"www-authenticate": "Bearer"}))


def not_allowed(message: str, code: str = "not_allowed", param: str | None = None) -> ApiError:
    """Return the refusal of what the key or the caller may not do."""
    return ApiError(Failure(403, PERMISSION, code, message, param))


def unknown_model(given: str, served: str) -> ApiError:
    """Return the refusal of a model that is not served."""
    message = f"there is no model {given[:80]!r} here: this server has {served}"
    return ApiError(Failure(404, REQUEST, "model_not_found", message, "model"))


def too_large(limit: int) -> ApiError:
    """Return the refusal of a body above the limit."""
    message = f"the body is over {limit} bytes, the most that serve.limits.body_bytes allows: send a shorter request"
    return ApiError(Failure(413, REQUEST, "body_too_large", message, headers={"connection": "close"}))


def body_late(seconds: float) -> ApiError:
    """Return the refusal of a body that did not arrive in time."""
    message = f"the body did not arrive within {seconds:g} s"
    return ApiError(Failure(408, REQUEST, "body_timeout", message, headers={"connection": "close", **NO_RETRY}))


def too_deep(limit: int) -> ApiError:
    """Return the refusal of JSON that is nested too deep."""
    message = f"the JSON is nested over {limit} deep, the most that serve.limits.depth allows"
    return ApiError(Failure(400, REQUEST, "json_too_deep", message))


def key_limit(name: str, most: int, wait_s: int) -> ApiError:
    """Return the refusal of a key that has its share of questions in progress."""
    message = f"{name} has {most} questions in progress or waiting, the most that it may: ask again later"
    return ApiError(Failure(429, RATE, "key_limit", message, headers={"retry-after": str(wait_s)}))


def time_limit(seconds: float, unfinished: str = "one sample was finished") -> ApiError:
    """Return the error of a question whose time was up before there was anything to answer with."""
    message = f"the time limit of {seconds:.3g} s was up before {unfinished}: allow more, or ask for fewer tokens"
    return ApiError(Failure(504, SERVER, "time_limit", message, headers=NO_RETRY))


def shutting_down(wait_s: int) -> ApiError:
    """Return the refusal of new questions while the server ends."""
    message = "the server is shutting down: ask again, another one may answer"
    return ApiError(
        Failure(503, SERVER, "shutting_down", message, headers={"retry-after": str(wait_s), "connection": "close"})
    )


def unknown_path() -> Failure:
    """Return the error of a path that does not exist; it does not repeat the path."""
    return Failure(404, REQUEST, "unknown_url", "there is no such path here: GET /openapi.json lists those that exist")


def wrong_method(allowed: str) -> Failure:
    """Return the error of a method that a path does not take."""
    message = f"this path does not take this method: it takes {allowed}"
    return Failure(405, REQUEST, "method_not_allowed", message, headers={"allow": allowed})


def internal(request_id: str) -> Failure:
    """Return the error that a bug becomes; the traceback is in the log under the same id."""
    message = f"an internal error, which is a fault of this server: its log has it under request id {request_id}"
    return Failure(500, SERVER, "internal", message, headers=NO_RETRY)


def failure_of(error: BaseException, *, request_id: str, wait_s: int) -> Failure:
    """Return the row of the table for an exception.

    Args:
        error: the exception.
        request_id: names the request in the log.
        wait_s: seconds after which a place should be free.
    """
    match error:
        case ApiError():
            return error.failure
        case BusyError():
            message = "as many questions are in progress and waiting as this server takes: ask again later"
            return Failure(429, RATE, "queue_full", message, headers={"retry-after": str(wait_s)})
        case DrawsFailedError() | EngineError() if error.failure == REFUSED:
            return Failure(400, REQUEST, "refused", str(error))
        case DrawsFailedError() | EngineError() | ServerRefusesError() | PromptFormError():
            return Failure(502, SERVER, "engine_failed", str(error), headers=NO_RETRY)
        case InputError():
            return Failure(400, REQUEST, "invalid_value", str(error))
        case UnsupportedError():
            return Failure(400, REQUEST, "unsupported", str(error))
    return internal(request_id)
