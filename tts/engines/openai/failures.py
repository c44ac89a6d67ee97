"""The sentences of failures: a server's own words, cut cleanly, and what to do about them."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from tts.errors import first_line

MOST = 300
"""The most characters of a server's words that are quoted."""
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_QUOTA = re.compile(
    r"insufficient_quota|insufficient.{0,20}(balance|credit|fund)|exceeded your current quota|billing", re.I
)


def error_message(error: BaseException) -> str:
    """Return the server's words in an error of the client, one line without the client's wrapping."""
    response = getattr(error, "response", None)
    try:
        text = str(response.text) if response is not None else ""
    except Exception:  # an answer that was never read
        text = ""
    return server_words(text) or quoted(first_line(error))


def server_words(given: Any) -> str:
    """Return the message of an error's content: JSON of any shape, a page of HTML, or text; "" without one.

    Args:
        given: the content, decoded or not.
    """
    if isinstance(given, str):
        if re.match(r"\s*(<!doctype|<html|<head|<\?xml)", given, re.I):
            return _page(given)
        try:
            decoded = json.loads(given)
        except ValueError:
            decoded = _python(given)
        return server_words(decoded) if not isinstance(decoded, str) else quoted(decoded)
    if isinstance(given, list | tuple):
        return quoted("; ".join(words for one in given[:3] if (words := server_words(one))))
    if not isinstance(given, Mapping):
        return "" if given is None else quoted(str(given))
    names = ("error", "message", "detail", "msg", "errors")
    words = next((found for name in names if (found := server_words(given.get(name)))), "")
    if isinstance(place := given.get("loc"), list | tuple):
        words = f"{'.'.join(str(one) for one in place if one != 'body')}: {words}"
    metadata = given.get("metadata")  # of OpenRouter: the words of the server behind it
    if isinstance(metadata, Mapping) and (raw := server_words(metadata.get("raw"))):
        words = f"{words}: {raw}"
    return quoted(words or next((str(given[n]) for n in ("title", "type", "code", "status") if given.get(n)), ""))


def _python(text: str) -> Any:
    """Return the objects that a text writes as Python does (pydantic's errors in vLLM's messages), or the text."""
    try:
        return ast.literal_eval(text.strip()) if text.lstrip().startswith(("[", "{")) else text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def quoted(text: str) -> str:
    """Return the first line of a text without control characters, cut between words."""
    lines = [line.strip() for line in _CONTROL.sub("", text).strip().splitlines() if line.strip()]
    line = re.sub(r"\s+", " ", lines[0]).rstrip(".") if lines else ""
    if len(line) <= MOST:
        return line
    return line[: MOST + 1].rpartition(" ")[0].rstrip(".,;:") + " ..." if " " in line[:MOST] else line[:MOST] + " ..."


def _page(html: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", html, re.I | re.S)
    heading = title or re.search(r"<h1[^>]*>(.*?)</h1>", html, re.I | re.S)
    text = unescape(re.sub(r"<[^>]+>", " ", heading.group(1))) if heading else ""
    return f"an HTML page{f' titled {quoted(text)!r}' if text.strip() else ''}"


def is_out_of_quota(words: str) -> bool:
    """Return whether a server's words mean that the account is empty, so that asking again does not help."""
    return _QUOTA.search(words) is not None


def key_sentence(url: str, words: str, key_env: str) -> str:
    """Return the sentence on a key that is refused or missing."""
    given = os.environ.get(key_env)
    state = f"{key_env} is set, but not to a key that it takes" if given else f"{key_env} is not set"
    return (
        f"{url} refuses the key ({words}): {state}; put a valid one into it, or name another environment variable by "
        "engine.openai.key_env"
    )


def address_hint(url: str) -> str:
    """Return what may be wrong with an address that has no such route."""
    path = urlsplit(url).path.rstrip("/")
    return "" if "/v1" in path or path.endswith("/openai") else f"; most servers' addresses end in /v1: {url}/v1"


def connection_words(url: str, error: BaseException) -> str:
    """Return the reason why a server did not answer, with a remedy where https was tried on an http port."""
    reason = quoted(first_line(error.__cause__ or error))  # the client calls a refused connection a timeout
    is_tls = re.search(r"WRONG_VERSION_NUMBER|RECORD_LAYER|record layer|ssl|connection timeout", reason, re.I)
    reason = re.sub(r" ssl:\w+|\s*\(_ssl\.c:\d+\)", "", reason)
    if url.startswith("https:") and is_tls:
        return f"{reason}; if it speaks plain HTTP, write http://{url.removeprefix('https://')}"
    return reason
