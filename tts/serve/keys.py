"""Keys of clients: read from a file or the environment, kept as hashes, and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tts.errors import InputError, first_line
from tts.serve.config import ServeConfig
from tts.serve.listening import is_loopback

VARIABLE = "TTS_SERVE_KEYS"


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
        digest: its hash; the key itself is not kept.
        name: names it in logs.
        models: the models that it may ask; None for all.
        questions: the most questions in progress and waiting; None takes the limit of the configuration.
    """

    digest: bytes = field(repr=False)
    name: str
    models: frozenset[str] | None = None
    questions: int | None = None


class Keys:
    """The keys that are accepted."""

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        """Take the keys; none lets everybody in."""
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        """Return True if a key is required."""
        return bool(self._keys)

    def find(self, given: str) -> Key | None:
        """Return the key with this text, comparing every one in constant time; None if there is none."""
        digest, found = digest_of(given), None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def digest_of(text: str) -> bytes:
    """Return the hash of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def read_keys(config: ServeConfig) -> Keys:
    """Return the keys of a file, or of the environment.

    Raises:
        InputError: a file or a line that cannot be read, or an address beyond loopback without keys. No sentence has a
            key.
    """
    keys: list[Key] = []
    if config.keys_file is not None:
        try:
            lines = Path(config.keys_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"serve.keys_file {config.keys_file} cannot be read: {first_line(error)}") from None
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                keys.append(_key(line.split(), f"serve.keys_file {config.keys_file}, line {number}", number))
        if not keys:
            raise InputError(f"serve.keys_file {config.keys_file} holds no key: write one a line")
    else:
        given = [one.strip() for one in os.environ.get(VARIABLE, "").split(",") if one.strip()]
        keys = [_key([one], VARIABLE, number) for number, one in enumerate(given, 1)]
    if not keys and not is_loopback(config.host):
        raise InputError(
            f"serve.host={config.host} can be reached from other machines and no keys are set: give "
            f"serve.keys_file=FILE or the environment variable {VARIABLE}, or listen on 127.0.0.1"
        )
    return Keys(keys)


def _key(words: Sequence[str], where: str, number: int) -> Key:
    """Return the key of a line.

    Raises:
        InputError: a setting that is not known; the sentence does not repeat the line.
    """
    settings: dict[str, str] = {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or name not in ("name", "models", "questions") or not value:
            raise InputError(f"{where}: behind a key stand name=TEXT, models=A,B or questions=N, and nothing else")
        settings[name] = value
    questions = settings.get("questions")
    if questions is not None and not (questions.isascii() and questions.isdigit() and int(questions)):
        raise InputError(f"{where}: questions must be a whole number of at least 1")
    models = settings.get("models")
    return Key(
        digest_of(words[0]),
        settings.get("name", f"key {number}"),
        None if models is None else frozenset(models.split(",")),
        None if questions is None else int(questions),
    )
