"""The configuration of the gateway: where it listens, who may ask, and the most that it takes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts.agent.config import AgentConfig
from tts.errors import InputError


@dataclass
class ServeLimits:
    """The most that the gateway takes on; everything above is refused before any work.

    Attributes:
        questions: questions in progress on each model, >= 1.
        queue: further questions that wait, >= 0; more get status 429.
        key_questions: questions in progress and waiting of one key, >= 1; null sets no limit. A key's line in
            serve.keys_file may set its own.
        budget: the largest budget that a request may ask for, >= 1.
        max_tokens: the most tokens a sample that a request may ask for, >= 1.
        answers: the most answers that one request may have judged, >= 1.
        body_bytes: the largest body of a request, >= 1.
        body_s: seconds in which the body must have arrived, > 0.
        depth: the deepest nesting of a request's JSON, >= 1.
        time_limit_s: seconds until a question must be decided, > 0; a request may ask for fewer.
    """

    questions: int = 64
    queue: int = 1024
    key_questions: int | None = None
    budget: int = 64
    max_tokens: int = 4096
    answers: int = 256
    body_bytes: int = 1 << 20
    body_s: float = 20.0
    depth: int = 32
    time_limit_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        least = {"queue": 0}
        for key in ("questions", "queue", "budget", "max_tokens", "answers", "body_bytes", "depth"):
            if getattr(self, key) < least.get(key, 1):
                raise InputError(f"serve.limits.{key} must be at least {least.get(key, 1)}, got {getattr(self, key)}")
        if self.key_questions is not None and self.key_questions < 1:
            raise InputError(f"serve.limits.key_questions must be at least 1 or null, got {self.key_questions}")
        for key in ("body_s", "time_limit_s"):
            if not 0.0 < getattr(self, key) < float("inf"):
                raise InputError(f"serve.limits.{key} must be above 0, got {getattr(self, key)}")


@dataclass
class ServeConfig:
    """The configuration of the gateway.

    Attributes:
        host: the address to listen on; any but a loopback address needs keys.
        port: the port; 0 takes a free one.
        keys_file: a file with a key a line, and behind it, where wanted, name=TEXT, models=A,B and questions=N; null
            takes the keys of the environment variable TTS_SERVE_KEYS, separated by commas. With neither, every
            request is served, which only a loopback address may do.
        grace_s: seconds that running questions get after SIGTERM, > 0; then they answer with what they have.
        log_texts: whether the log has questions and answers.
        models: further YAML files of models by the name that requests ask for.
        limits: the most that is taken on.
        pool: a file that keeps every draw; null keeps none.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    keys_file: str | None = None
    grace_s: float = 30.0
    log_texts: bool = False
    models: dict[str, str] = field(default_factory=dict)
    limits: ServeLimits = field(default_factory=ServeLimits)
    pool: str | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if not 0 <= self.port <= 65535:
            raise InputError(f"serve.port must be from 0 to 65535, got {self.port}")
        if not 0.0 < self.grace_s < float("inf"):
            raise InputError(f"serve.grace_s must be above 0, got {self.grace_s}")


@dataclass
class ServedConfig(AgentConfig):
    """The configuration of ``tts serve`` and ``tts mcp``: that of a model, and of the server.

    Attributes:
        serve: the server.
    """

    serve: ServeConfig = field(default_factory=ServeConfig)
