"""The bundled reasoner's tokenizer: one token a word, one a digit, spaces kept, so that texts decode exactly.

A plain ``tokenizers`` file without custom code; an unknown word becomes ``<unk>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tts.stories.stories import take

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
PIECES = r" ?[A-Za-z]+|[0-9]|\n| ?[^\sA-Za-z0-9]+|\s"  # a word takes the space before it along, a digit does not


def build(stories: int = 40_000) -> PreTrainedTokenizerFast:
    """Build the tokenizer from every piece that occurs in the first training stories.

    Args:
        stories: how many to read; more add no piece.
    """
    import re

    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    pattern = re.compile(PIECES)
    pieces = {
        piece for story in take("train", stories) for piece in pattern.findall(f"{story.question}\n{story.solution}")
    }
    pieces |= {*"0123456789", " ", "\n"}
    vocabulary = {piece: i for i, piece in enumerate((PAD, BOS, EOS, UNKNOWN, *sorted(pieces)))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Split(Regex(PIECES), behavior="isolated")
    tokenizer.decoder = Fuse()
    tokenizer.post_processor = TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, vocabulary[BOS])])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
