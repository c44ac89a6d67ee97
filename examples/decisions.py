"""Ask a server how sure it is: a predicate on an answer, and a choice between candidates, by OpenAI's client.

tts serve & python examples/decisions.py [--url http://127.0.0.1:8321/v1] [--model grace]
"""

from __future__ import annotations

import argparse

from openai import OpenAI

QUESTION = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
# A text with its working, one that the model would hardly write, which it does not judge, and a bare answer.
ANSWERS = ("11 + 8 = 19, so the beads of Jack is 19.\n#### 19", "11 - 8 = 3, so the beads of Jack is 3.\n#### 3", "17")
CANDIDATES = ("19", "18", "3")


def main() -> None:
    """Print P(right) of each answer, and the share of each candidate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8321/v1", help="of the server, with /v1")
    parser.add_argument("--model", default="grace", help="its name there")
    given = parser.parse_args()
    question = {"role": "user", "content": QUESTION}
    with OpenAI(base_url=given.url, api_key="none") as client:
        for answer in ANSWERS:
            decision = client.decisions.create(
                model=given.model,
                input=[question, {"role": "assistant", "content": answer}],
                questions=[{"type": "predicate", "name": "correct", "instructions": "The answer is right."}],
            )
            [found] = decision.answers
            shown = f"{found.probability:.2f}" if found.type == "predicate" else "not known"
            print(f"P(right) {shown}   {answer.splitlines()[-1]}")
        decision = client.decisions.create(
            model=given.model,
            input=[question],
            questions=[{"type": "choice", "instructions": QUESTION, "choices": [{"value": one} for one in CANDIDATES]}],
        )
        [found] = decision.answers
        print(
            f"choice   {found.choice} with confidence {found.confidence:.2f}" if found.type == "choice" else "no choice"
        )


if __name__ == "__main__":
    main()
