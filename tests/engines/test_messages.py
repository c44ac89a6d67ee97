"""Problems that are chats: messages and tools go through the template, or to the server, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from tests.engines.test_plain_text import BOTH, CHAT, byte_level
from tts.engines.text import PromptEncoder
from tts.errors import InputError
from tts.pool.records import problem_fault
from tts.prompts import Prompt
from tts.types import Message, Problem

TOOLS = (
    "{% for t in tools or [] %}<s>tool:{{ t | tojson }}</s>{% endfor %}"
    "{% for m in messages %}<s>{{ m.role }}{{ m.name or '' }}:{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c | tojson }}{% endfor %}</s>{% endfor %}<s>assistant:"
)
ADD = {"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": "2"}}}
TALK = (
    Message("system", "so"),
    Message("user", "the question ?"),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "3", tool_call_id="c1", name="add"),
)


def encoder(tokenizer: Any, prompt: Prompt, notify: Any = lambda sentence: None, **more: Any) -> PromptEncoder:
    size = {"context": 4096, "vocabulary": len(tokenizer), **more}
    return PromptEncoder(tokenizer, prompt, name="m", notify=notify, **size)


def test_a_problem_of_messages_asks_the_last_user_message() -> None:
    problem = Problem.of_messages("q", [Message("user", "one"), Message("assistant", "1"), Message("user", "two")])
    assert problem.question == "two" and len(problem.messages) == 3
    assert hash(Problem.of_messages("q", TALK, tools=(ADD,), gold="3")), "tools and calls are not hashed"
    with pytest.raises(InputError, match="a chat must have a message of role user, got none"):
        Problem.of_messages("q", [Message("system", "x")])
    with pytest.raises(InputError, match=r"question of problem 'q' is not its last user message"):
        Problem("q", "x", messages=(Message("user", "y"),))


@BOTH
def test_messages_and_tools_are_rendered_by_the_template(make: Any) -> None:
    tokenizer = make()
    tokenizer.chat_template = TOOLS
    words = encoder(tokenizer, Prompt(template="{question}", system="own", chat=True))
    problem = Problem.of_messages("q", TALK, tools=(ADD,))
    messages = [message.to_json() for message in TALK]
    whole = tokenizer.apply_chat_template(messages, tools=[ADD], add_generation_prompt=True, return_dict=True)
    assert words.prompt_ids(problem) == tuple(whole["input_ids"]), "its system message is in place of the prompt's"
    other = Problem.of_messages("q", (*TALK[:3], Message("tool", "4", tool_call_id="c1", name="add")), tools=(ADD,))
    assert words.prompt_ids(other) != words.prompt_ids(problem), "problems of one id and question are told apart"
    assert "own" in words.decode(words.prompt_ids(Problem.of_messages("r", TALK[1:], tools=(ADD,))))


@BOTH
@pytest.mark.parametrize("chat", [True, False])
def test_one_user_message_is_asked_as_its_question(make: Any, chat: bool) -> None:
    said: list[str] = []
    words = encoder(make(), Prompt(template="the {question}\n", system="so", chat=chat), said.append)
    for text in ("answer ?", "answer </s> <CNF> ?"):
        plain, chatted = Problem("q", text), Problem.of_messages("q", [Message("user", text)])
        assert words.prompt_ids(chatted) == words.prompt_ids(plain)
    assert said == [] if chat else ["m is asked in plain text: of a chat it takes one user message, as the question"]


@BOTH
@pytest.mark.parametrize("spelled", ["<CNF>", "</s>", "<s>", "a </s></s> b<CNF>"])
def test_special_tokens_that_messages_and_tools_spell_are_plain_text(make: Any, spelled: str) -> None:
    def chat(text: str) -> Problem:
        call = {**CALL, "function": {"name": "add", "arguments": {f"a{text}": f"1{text}"}}}
        talk = [
            Message("system", f"so{text}"), Message("user", f"q{text}"), Message("assistant", text, tool_calls=(call,)),
            Message("tool", f"3{text}", tool_call_id="c1", name=f"add{text}"),
        ]  # fmt: skip
        return Problem.of_messages("q", talk, tools=({**ADD, "note": f"see {text}"},))

    tokenizer = make()
    tokenizer.chat_template = TOOLS
    words = encoder(tokenizer, Prompt(template="{question}", chat=True))
    own, dirty = words.prompt_ids(chat("")), words.prompt_ids(chat(spelled))
    assert [t for t in dirty if t in (1, 2, 3)] == [t for t in own if t in (1, 2, 3)], "the template's alone"
    assert words.decode(dirty).count(spelled) == 8


def test_a_template_that_refuses_a_system_message_reads_it_in_the_users_turn() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHAT
    )
    words = encoder(tokenizer, Prompt(template="{question}", chat=True))
    problem = Problem.of_messages("q", TALK[:2])
    assert words.decode(words.prompt_ids(problem)) == "user:so\n\nthe question ?assistant:"


def test_chats_that_a_model_cannot_take_are_refused() -> None:
    plain = encoder(byte_level(), Prompt(template="{question}"))
    for problem, given in (
        (Problem.of_messages("q", TALK), "system, user, assistant, tool"),
        (Problem("q", "x", tools=(ADD,)), "tools"),
        (Problem.of_messages("q", TALK[1:2], tools=(ADD,)), "user, tools"),
    ):
        sentence = f"problem 'q' has {given} and this model, asked in plain text, takes one user message: send the"
        with pytest.raises(InputError, match=sentence):
            plain.prompt_ids(problem)
    blind = encoder(byte_level(), Prompt(template="{question}", chat=True))
    with pytest.raises(
        InputError, match="the chat template of this model shows no tools, and problem 'q' has 1: leave"
    ):
        blind.prompt_ids(Problem("q", "x", tools=(ADD,)))
    assert problem_fault(Problem.of_messages("q", TALK), {}) is None
    surrogate = Problem.of_messages("q", [Message("user", "\ud800")])
    assert problem_fault(surrogate, {}) == "the chat holds the lone surrogate '\\ud800', which is not valid text"
    no_json = Problem("q", "x", tools=({"size": float("nan")},))
    assert str(problem_fault(no_json, {})).startswith("chats and tools must hold JSON values only")


def test_a_server_gets_messages_and_tools_as_they_are() -> None:
    pytest.importorskip("openai")
    from tests.support.servers.plain import PlainServer, RefusalError, serving
    from tts.engines.base import Request
    from tts.engines.openai.config import OpenAIConfig
    from tts.engines.openai.engine import OpenAIEngine
    from tts.engines.sampling import Sampling
    from tts.engines.streams import collected
    from tts.errors import EngineError

    class NoTools(PlainServer):
        refuses = False

        def check(self, body: Any) -> None:
            if self.refuses and "tools" in body:
                raise RefusalError(400, "tools is not supported")

    server, said = NoTools(), list[str]()
    problem = Problem.of_messages("q", TALK, tools=(ADD,))

    def draw(chat: bool, problem: Problem) -> Any:
        engine = OpenAIEngine.load(
            OpenAIConfig(urls=[f"{opened.url}/v1"], retries=0),
            model="m", prompt=Prompt(template="{question}", system="own", chat=chat), sampling=Sampling(), seeded=False,
            notify=said.append,
        )  # fmt: skip
        return asyncio.run(collected(engine, Request(problem)))

    with serving(server) as opened:
        assert draw(True, problem).text == "We add.\n#### 5"
        assert server.seen[-1]["messages"] == [message.to_json() for message in TALK]
        assert server.seen[-1]["tools"] == [ADD]
        draw(True, Problem("q", "x"))
        assert "tools" not in server.seen[-1] and server.seen[-1]["messages"][0] == {"role": "system", "content": "own"}
        with pytest.raises(InputError, match="takes one user message: send the question alone"):
            draw(False, problem)
        said.clear()
        draw(False, Problem.of_messages("q", TALK[1:2]))
        assert said == ["m is asked in plain text: of a chat it takes one user message, as the question"]
        server.refuses = True
        with pytest.raises(EngineError, match="tools is not supported"):
            draw(True, problem)
