"""Texts of models are shown on terminals without what a terminal would obey, whatever command prints them."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from tests.cli.cases import FAKE, ROOT, Tts
from tests.evals.report_page.cases import HARM, harmful
from tests.support.examples import slowly
from tts.pool import write_jsonl
from tts.terminal import VisibleStream, open_console, shown_output
from tts.wording import escaped, visible

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
ALL = "".join(HARM)


@given(st.text())
def test_no_control_character_is_left_but_line_feeds_and_tabs(text: str) -> None:
    shown = visible(text)
    assert not [one for one in shown if (ord(one) < 0x20 and one not in "\n\t") or 0x7F <= ord(one) <= 0x9F]
    assert visible(shown) == shown
    written = escaped(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == [text] and not OBEYED.search(written)


def test_plain_text_is_unchanged_and_marks_are_named() -> None:
    assert visible("né 日本 🙂\tx\ny") == "né 日本 🙂\tx\ny"
    assert visible("a\r\nb\rc") == "a\nb␍c"
    assert visible("\u202e\u2066\u200f\x7f\x85") == "⟨U+202E⟩⟨U+2066⟩⟨U+200F⟩␡⟨U+0085⟩"


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool whose texts would do harm, a line of a megabyte among them."""
    path = tmp_path_factory.mktemp("bad") / "bad.jsonl"
    pool = harmful()
    entries = [
        replace(e, samples=e.samples[q > 0 :][:3], correct=e.correct[q > 0 :][:3]) for q, e in enumerate(pool.entries)
    ]
    write_jsonl(replace(pool, entries=tuple(entries[:7])), path)
    return path


STRATEGIES = "strategies=self_consistency"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("show POOL 5 --texts " + STRATEGIES, "NUL ␀ and escape ␛[31m red ␇ ␡ ⟨U+009B⟩"),
        ("show POOL 4 --wide " + STRATEGIES, "⟨U+202E⟩gnirts"),
        ("show POOL \x1b[2J\u202e", "tts: "),
        ("answers POOL limit=8", ""),
        ("pool info POOL", ""),
        ("compare POOL permutations=10 replicates=20 " + STRATEGIES, ""),
        ("decide POOL strategy=\x1b[2J", "strategy"),
        ("\x1b[2J", "tts: "),
        *slowly(
            ("answers POOL limit=8 --format markdown", ""),
            ("pool import POOL --dry-run", ""),
            ("reliability POOL replicates=20", ""),
        ),
    ],
)
def test_commands_show_what_a_terminal_would_obey(tts: Tts, bad: Path, arguments: str, words: str) -> None:
    ran = tts(*[str(bad) if one == "POOL" else one for one in arguments.split(" ")])
    assert not OBEYED.search(ran.out + ran.err), ran
    assert words in ran.out + ran.err and len(ran.out + ran.err) > 30


@pytest.mark.parametrize(
    "arguments", ["decide POOL strategy=self_consistency", "rerank POOL scorer=confidence", "show POOL 5 --json -"]
)
def test_json_is_exact_and_harmless(tts: Tts, bad: Path, arguments: str) -> None:
    ran = tts(*[str(bad) if one == "POOL" else one for one in arguments.split()])
    assert ran.status == 0 and not OBEYED.search(ran.out + ran.err)
    lines = [json.loads(ran.out)] if "--json" in arguments else [json.loads(line) for line in ran.out.splitlines()]
    [fifth] = [line for line in lines if line["id"].startswith("4 ")]
    assert fifth["id"] == f"4 {HARM[4]}"


def test_a_live_run_shows_names_of_questions_and_labels(tts: Tts, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps({"id": t, "question": t, "answer": "1"}) + "\n" for t in HARM))
    ran = tts("run", file, "strategies=esc", "budget=2", *FAKE, f"out={tmp_path / 'run.sqlite'}")
    assert ran.status == 0 and not OBEYED.search(ran.out + ran.err), ran
    label = r'strategies=[{name: esc, label: "\u202elabel \x1b[31m"}]'
    assert not OBEYED.search(tts("run", file, label, *FAKE).err)
    ran = tts("pool", "info", tmp_path / "run.sqlite")
    assert not OBEYED.search(ran.out + ran.err)


def test_a_console_sends_its_own_styles_and_shows_all_other_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()
    console = open_console(out, force_terminal=True, width=200, color_system="standard")
    table = Table("head\x1b[31m")
    table.add_row(Text(ALL))
    console.print(ALL, table, Text(ALL), style="bold")
    console.print(*ALL.split("\x1b"), soft_wrap=True, style="red")
    text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert "\x1b[1m" in out.getvalue() and not OBEYED.search(text)


def test_standard_output_is_guarded_and_a_console_passes_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with shown_output():
        print(ALL)
        sys.stdout.writelines([ALL, "\n"])
        assert open_console(sys.stdout).file is out and not sys.stdout.isatty()
    assert sys.stdout is out and not OBEYED.search(out.getvalue()) and out.getvalue().count("␛") == 2
    assert VisibleStream(out).raw is out


def test_no_other_module_opens_a_console() -> None:
    places = [ROOT / name for name in ("tts", "evals", "strategies")]
    made = [file for place in places for file in place.rglob("*.py") if re.search(r"\bConsole\(", file.read_text())]
    assert not made  # tts.terminal has a kind of its own
