"""Built-in data sets as a table: where each is, the fields of its rows, and how it is usually asked and graded.

Sources of names, fields and metrics: the data sets' cards on the hub and lm-evaluation-harness.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.tasks.rows import Fields
from tts.answers.reading import Kind


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set.

    Attributes:
        hub: its name on the hub; empty where it is only a file.
        config: its configuration there; empty for the only one.
        splits: its splits with gold answers, the scored one first.
        fields: the fields of its rows.
        kind: the kind of its answers; None takes that of the gold answers.
        reading: the usual reader of replies.
        shuffled: whether its options, the right one first, are put into an order that a seed decides.
        normalised: whether its answers lose articles and punctuation.
    """

    hub: str = ""
    config: str = ""
    splits: tuple[str, ...] = ("test", "train")
    fields: Fields = field(default_factory=Fields)
    kind: Kind | None = None
    reading: str = "flexible"
    shuffled: bool = False
    normalised: bool = False

    def split(self, name: str) -> str | None:
        """Return the split that a name means, "test" the scored one; None for an unknown name."""
        return name if name in self.splits else self.splits[0] if name == "test" else None


OWN = DataSet()
"""A file of one's own."""
_AIME = Fields(("problem", "Problem"), ("answer", "Answer"), ("id", "ID"), (), ("solution", "Solution"))
_ARC = Fields(("question.stem", "question"), ("answerKey",), ("id",), ("choices", "question.choices"), ())

DATA_SETS: dict[str, DataSet] = {
    "jsonl": OWN,
    "gsm8k": DataSet("openai/gsm8k", "main", kind="number"),
    "svamp": DataSet(
        "ChilleD/SVAMP",
        fields=Fields((("Body", "Question"), "question"), ("Answer", "gold", "answer"), ("ID", "id")),
        kind="number",
    ),
    "math500": DataSet(
        "HuggingFaceH4/MATH-500",
        splits=("test",),
        fields=Fields(("problem", "question"), ("answer", "solution"), ("unique_id", "id"), (), ("solution",)),
        kind="math",
        reading="strict",
    ),
    "aime24": DataSet("Maxwell-Jia/AIME_2024", splits=("train",), fields=_AIME, kind="number"),
    "aime25": DataSet("math-ai/aime25", splits=("test",), fields=_AIME, kind="number"),
    "mmlu_pro": DataSet(
        "TIGER-Lab/MMLU-Pro",
        splits=("test", "validation"),
        fields=Fields(("question",), ("answer", "answer_index"), ("question_id",), ("options",), ("cot_content",)),
        kind="choice",
    ),
    "gpqa": DataSet(
        "Idavidrein/gpqa",
        "gpqa_diamond",
        splits=("train",),
        fields=Fields(
            ("Question",),
            ("Correct Answer",),
            ("Record ID",),
            (("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"),),
            (),
        ),
        kind="choice",
        shuffled=True,
    ),
    "arc_challenge": DataSet(
        "allenai/ai2_arc", "ARC-Challenge", splits=("test", "train", "validation"), fields=_ARC, kind="choice"
    ),
    "commonsense_qa": DataSet("tau/commonsense_qa", splits=("validation", "train"), fields=_ARC, kind="choice"),
    "mathqa": DataSet(
        "regisss/math_qa",
        splits=("test", "train", "validation"),
        fields=Fields(("Problem",), ("correct",), ("id",), ("options",), ("Rationale",)),
        kind="choice",
    ),
    "sciq": DataSet(
        "allenai/sciq",
        splits=("test", "train", "validation"),
        fields=Fields(
            ("question",),
            ("correct_answer",),
            ("id",),
            (("correct_answer", "distractor1", "distractor2", "distractor3"),),
            (),
        ),
        kind="choice",
        shuffled=True,
    ),
    "triviaqa": DataSet(
        "mandarjoshi/trivia_qa",
        "rc.nocontext",
        splits=("validation", "train"),
        fields=Fields(
            ("question", "Question"),
            (("answer.value", "answer.aliases"), ("Answer.Value", "Answer.Aliases"), "answer"),
            ("question_id", "QuestionId"),
            (),
            (),
        ),
        kind="text",
        reading="strict",
        normalised=True,
    ),
    "nq_open": DataSet(
        "google-research-datasets/nq_open",
        splits=("validation", "train"),
        fields=Fields(("question",), ("answer",), ("id",), (), ()),
        kind="text",
        reading="strict",
        normalised=True,
    ),
}
"""The tasks that are read from a file or the hub, by name."""
