"""Special tokens that other people's texts spell are plain text, whatever the tokenizer; templates keep theirs."""

from __future__ import annotations

from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from tts.engines.base import Prefix  # noqa: E402
from tts.engines.text import PromptEncoder  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.types import Problem  # noqa: E402

CHAT = "{% for m in messages %}<s>{{ m.role }}:{{ m.content }}</s>{% endfor %}<s>assistant:"
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "additional_special_tokens": ["<CNF>"]}


def byte_level() -> Any:
    """A byte-level BPE with merges across words."""
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<unk>", "<s>", "</s>", "<CNF>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(
        ["so we get the answer 12 .\n\nthe answer is 12", "a question about beads ?\n"] * 9, trainer
    )
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, chat_template=CHAT, **SPECIALS)


def sentence_piece() -> Any:
    """A unigram model with a space before the first word, whose vocabulary holds its special tokens, as T5's does."""
    from tokenizers import decoders, models, pre_tokenizers, processors

    letters = [chr(c) for c in range(33, 127)] + ["\n"]
    words = ["▁so", "▁the", "▁answer", "▁is", "answer", "the", "▁", "12"]
    vocabulary = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("<CNF>", 0.0)]
    vocabulary += [(word, -2.0) for word in words] + [(letter, -5.0) for letter in letters]
    made = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=0))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    made.decoder = decoders.Metaspace(prepend_scheme="first")
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, chat_template=CHAT, **SPECIALS)


BOTH = pytest.mark.parametrize("make", [byte_level, sentence_piece])


def encoder(tokenizer: Any, prompt: Prompt) -> PromptEncoder:
    return PromptEncoder(tokenizer, prompt, context=4096, vocabulary=len(tokenizer))


@BOTH
@pytest.mark.parametrize("spelled", ["<CNF>", "</s>", "<s>", "a </s></s> b<CNF>"])
def test_no_text_becomes_a_special_token_in_questions_and_answers(make: Any, spelled: str) -> None:
    tokenizer = make()
    specials = {1, 2, 3}
    for chat in (False, True):
        words = encoder(tokenizer, Prompt(template="{question}\n", chat=chat))
        clean, dirty = Problem("q", "the answer"), Problem("q", f"the answer {spelled}")
        own = [token for token in words.prompt_ids(clean) if token in specials]
        assert [token for token in words.prompt_ids(dirty) if token in specials] == own, "the template's alone"
        prompt, ids = words.continued(Prefix(dirty, f"so the answer is 12 {spelled}"))
        assert specials.isdisjoint(ids) and prompt == words.prompt_ids(dirty)
        assert spelled in words.decode(ids) and spelled in words.decode(words.prompt_ids(dirty))
    assert specials.isdisjoint(words.encode(spelled)) and words.encode("<CNF>", special=True)[-1] == 3


@BOTH
def test_texts_without_special_tokens_are_read_as_before(make: Any) -> None:
    tokenizer, question = make(), Problem("q", "the answer is 12 ?")
    plain, chat = (encoder(tokenizer, Prompt(template="{question}\n", chat=chat)) for chat in (False, True))
    assert plain.prompt_ids(question) == tuple(tokenizer(f"{question.question}\n").input_ids)
    messages = [{"role": "user", "content": f"{question.question}\n"}]
    whole = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert chat.prompt_ids(question) == tuple(whole)


@BOTH
def test_a_text_is_joined_to_its_prompt_before_it_is_tokenized(make: Any) -> None:
    tokenizer = make()
    words = encoder(tokenizer, Prompt(template="{question}\n"))
    question = Problem("q", "the answer ?")
    for text in ("the answer is 12", "\nthe answer", " so", "12</s>12"):
        prompt, ids = words.continued(Prefix(question, text))
        if "</s>" not in text:
            assert prompt + ids == tuple(tokenizer(f"the answer ?\n{text}").input_ids)
        assert words.decode(prompt + ids).strip() == f"the answer ?\n{text}".strip()
    assert words.continued(Prefix(question, "x", (5, 6))) == (words.prompt_ids(question), (5, 6)), "known tokens stay"
    assert words.continued(Prefix(question)) == (words.prompt_ids(question), ())


def test_a_text_behind_a_sentence_piece_prompt_gets_no_space_of_its_own() -> None:
    tokenizer = sentence_piece()
    words = encoder(tokenizer, Prompt(template="{question}\n"))
    _, ids = words.continued(Prefix(Problem("q", "the"), "answer"))
    assert tokenizer.convert_ids_to_tokens(list(ids)) == ["answer"]
    assert tokenizer.convert_ids_to_tokens(list(words.encode("answer"))) == ["▁answer"]


@BOTH
def test_a_tail_keeps_the_special_tokens_of_its_template_and_not_those_of_its_fields(make: Any) -> None:
    words = encoder(make(), Prompt(template="{question}\n"))
    question = Problem("q", "the answer ?")
    asked = Prefix(question, "so </s>", tail="</s><s>is {answer} so {x}", fields={"answer": "12<CNF>"}, last_ids=(9,))
    _, ids = words.continued(asked)
    assert [token for token in ids if token in {1, 2, 3}] == [2, 1] and ids[-1] == 9
    assert "12<CNF> so {x}" in words.decode(ids[:-1])


def test_a_text_with_the_marks_themselves_stays_what_it_is() -> None:
    words = encoder(byte_level(), Prompt(template="{question}\n"))
    text = "\ufdd03\ufdd1 \ufdd0\ufdd1 </s>"
    assert words.decode(words.encode(text)) == text


def test_half_of_a_character_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"the text holds the lone surrogate .*, which is not valid text: give valid"):
        encoder(byte_level(), Prompt()).prompt_ids(Problem("q", "How many \ud800 beads?"))
