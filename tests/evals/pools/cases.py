"""Small files in the shapes of other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.pools.importing import gather, write
from evals.pools.records import Fields
from tts.pool import Pool, read_pool

JACK = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
TOM = "Tom has 5 beads. Tom buys 2 more beads. How many beads does Tom have now?"
RIGHT, WRONG = "11 + 8 = 19\n#### 19", "So the answer is 18."


def lines(path: Path, *rows: Any) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def document(path: Path, content: Any) -> Path:
    """Write one JSON value."""
    path.write_text(json.dumps(content))
    return path


def imported(folder: Path, *files: Path | str, answers: str = "auto", rule: str = "flexible", **named: str) -> Pool:
    """Import files into a new pool and read it."""
    target = folder / "imported.sqlite"
    write(gather([str(file) for file in files], fields=Fields(named), answers=answers, rule=rule), target, force=True)
    return read_pool(target)


def answers_of(pool: Pool) -> list[list[str | None]]:
    """Return the answers of each question's samples."""
    return [[sample.answer for sample in entry.samples] for entry in pool.entries]


def log_line(doc_id: int, question: str, gold: str, *replies: str, filter_: str = "strict-match") -> dict[str, Any]:
    """Return a line of a log of lm-evaluation-harness."""
    return {
        "doc_id": doc_id,
        "doc": {"question": question, "answer": gold},
        "target": gold,
        "arguments": {"gen_args_0": {"arg_0": f"Solve it.\n\nQuestion: {question}\nAnswer:", "arg_1": {"until": []}}},
        "resps": [list(replies)],
        "filtered_resps": ["[invalid]"],
        "filter": filter_,
        "metrics": ["exact_match"],
        "exact_match": 0.0,
    }


def inspect_sample(number: int, epoch: int, question: str, target: str, reply: str, **more: Any) -> dict[str, Any]:
    """Return a sample of a log of Inspect."""
    choice = {
        "message": {"role": "assistant", "content": reply},
        "stop_reason": "stop",
        "logprobs": {"content": [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.2}]},
    }
    usage = {"input_tokens": 20, "output_tokens": 2, "total_tokens": 22}
    return {
        **{"id": number, "epoch": epoch, "input": question, "target": target},
        "output": {"model": "m", "choices": [choice], "completion": reply, "usage": usage},
        "scores": {"match": {"value": "C", "answer": "19"}},
        **more,
    }


def inspect_log(*samples: dict[str, Any]) -> dict[str, Any]:
    """Return a log of Inspect."""
    return {"version": 2, "status": "success", "eval": {"task": "beads", "model": "m/one"}, "samples": list(samples)}


def request(custom_id: str, question: str) -> dict[str, Any]:
    """Return a request of a batch."""
    messages = [{"role": "system", "content": "Solve it."}, {"role": "user", "content": f"{question} Think."}]
    body = {"model": "m", "messages": messages}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def output(custom_id: str, *replies: str) -> dict[str, Any]:
    """Return an output of a batch."""
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": reply},
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "x", "logprob": -0.5, "top_logprobs": []}]},
        }
        for i, reply in enumerate(replies)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
    body = {"object": "chat.completion", "model": "m", "choices": choices, "usage": usage}
    return {"id": "b", "custom_id": custom_id, "response": {"status_code": 200, "body": body}, "error": None}


def vllm_output(prompt: str, *replies: str) -> dict[str, Any]:
    """Return a RequestOutput of vLLM."""
    outputs = [
        {
            **{"index": i, "text": reply, "token_ids": [5, 6], "cumulative_logprob": -0.3, "finish_reason": "length"},
            "logprobs": [{"5": {"logprob": -0.1, "rank": 1}}, {"9": {"logprob": -0.01}, "6": {"logprob": -0.2}}],
        }
        for i, reply in enumerate(replies)
    ]
    return {"request_id": "0", "prompt": prompt, "prompt_token_ids": [1, 2, 3], "outputs": outputs, "finished": True}
