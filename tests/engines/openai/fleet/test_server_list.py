"""The list of servers is read from a file and from names as they are now; faults are one sentence."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.fleet.server_list import ServerList
from tts.errors import InputError


def test_a_file_has_an_address_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "servers"
    listed = ServerList(OpenAIConfig(urls_file=str(file)))
    file.write_text("# ours\nhttp://a:1/v1  # the first\n\nhttp://b:1/v1/chat/completions\nhttp://a:1/v1\n")
    assert listed.read() == ("http://a:1/v1", "http://b:1/v1")
    file.write_text("http://b:1/v1")
    assert listed.read() == ("http://b:1/v1",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "cannot be read: it is no text"),
        (b"# nothing\n", "lists no server: write one URL a line, such as http://localhost:8000/v1"),
        (b"http://a:1/v1\nb:1\n", "must be URLs such as http://localhost:8000/v1, got 'b:1'"),
        (b"http://a:1/v1 http://b:1/v1\n", "must be URLs such as .*, got 'http://a:1/v1 http://b:1/v1'"),
        (b"http://a:99999/v1\n", "must be URLs such as .*, got 'http://a:99999/v1'"),
        (b"http://[a/v1\n", "must be URLs such as "),
    ],
)
def test_a_file_that_lists_no_servers_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "servers"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"engine.openai.urls_file {file} {sentence}"):
        ServerList(OpenAIConfig(urls_file=str(file))).read()


def test_a_name_is_a_server_for_each_address_that_it_has_now(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses: dict[str, list[str]] = {"vllm": ["10.0.0.2", "10.0.0.1", "10.0.0.2"], "six": ["fd00::1"]}

    def resolved(host: str, port: int, *, type: int) -> list[Any]:
        if not addresses.get(host):
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    listed = ServerList(OpenAIConfig(urls=["http://vllm:8000/v1", "http://six/v1"], resolve=True))
    first = ("http://10.0.0.1:8000/v1", "http://10.0.0.2:8000/v1", "http://[fd00::1]:80/v1")
    assert listed.read() == first and not listed.faults
    addresses["vllm"] = []
    assert listed.read() == first
    assert listed.faults == ("engine.openai.resolve: the name vllm has no address now (Name or service not known)",)
    addresses["vllm"] = ["10.0.0.3"]
    assert listed.read() == ("http://10.0.0.3:8000/v1", first[-1]) and not listed.faults
    other = ServerList(OpenAIConfig(urls=["http://other/v1"], resolve=True))
    with pytest.raises(InputError, match=r"the name other has no address now \(Name or service not known\): start a"):
        other.read()


def test_a_name_that_no_server_can_have_is_one_sentence() -> None:
    with pytest.raises(InputError, match="has no address now"):
        ServerList(OpenAIConfig(urls=[f"http://{'a' * 70}.invalid/v1"], resolve=True)).read()
