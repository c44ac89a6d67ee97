"""Arguments that commands share: files and overrides are told apart, and outputs are checked before any work."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from evals.config import SampleConfig
from evals.live.progress import Progress
from tts.cli.options import check_live_outputs, model_directory, read_config, terminal_hooks
from tts.cli.verbosity import set_quiet
from tts.errors import InputError
from tts.files import Output


def test_arguments_with_an_equals_sign_are_overrides_unless_such_a_file_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples=1").write_text("samples: 5\ntask: {questions: 7}\n")
    config, files = read_config(SampleConfig, ["samples=1", "task.questions=3"])
    assert (config.samples, config.task.questions, files) == (5, 3, [Path("samples=1")])
    assert read_config(SampleConfig, None) == (SampleConfig(), [])


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"config file no\.yaml does not exist"):
        read_config(SampleConfig, ["no.yaml"])


@pytest.mark.parametrize(
    ("out", "json", "sentence"),
    [
        ("p.sqlite", "no/j.json", "cannot write no/j.json: the folder"),
        ("p.sqlite", "./p.sqlite", "cannot write p.sqlite twice: give out=FILE and the other files different names"),
        ("p.sqlite", "c.yaml", "cannot write c.yaml: it is an input of this command"),
        ("c.sqlite", None, "cannot write c.sqlite: it is an input of this command"),
    ],
)
def test_outputs_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str | None, json: str | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("c.yaml", "c.sqlite"):
        (tmp_path / name).touch()
    with pytest.raises(InputError) as refused:
        inputs = ["c.yaml", Path("c.sqlite"), None]
        check_live_outputs(out, [Output(json and Path(json), "JSON file")], inputs, command="tts run")
    assert str(refused.value).startswith(sentence)


def test_outputs_that_can_be_written_pass(tmp_path: Path) -> None:
    outputs = [Output(tmp_path / "j.json", "JSON file"), Output(None, "table")]
    check_live_outputs(str(tmp_path / "p.sqlite"), outputs, [], command="tts run")
    assert list(tmp_path.iterdir()) == []


def test_a_model_directory_is_made_or_continued_and_never_overwrites_a_model(tmp_path: Path) -> None:
    grace = partial(model_directory, command="tts train grace")
    made = tmp_path / "a" / "b"
    assert grace(str(made)) == made and made.is_dir()
    (made / "config.json").touch()
    with pytest.raises(InputError, match="holds a model that `tts train grace` did not train"):
        grace(str(made))
    (made / "checkpoint.pt").touch()  # a training that was interrupted goes on
    assert grace(str(made), base="tiny") == made
    with pytest.raises(InputError, match="is no directory"):
        grace(str(made / "config.json"))
    with pytest.raises(InputError, match="cannot write"):
        grace(str(made / "config.json" / "c"))
    (made / "finece.json").touch()
    with pytest.raises(InputError, match="did not train; give out another name, or --force to replace it"):
        grace(str(made))
    with pytest.raises(InputError, match="is the base model of this command"):
        grace(str(made), base=str(made), force=True)
    assert grace(str(made), force=True) == made
    assert [path.name for path in made.iterdir()] == ["config.json"]


def test_the_terminal_shows_progress_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    hooks = terminal_hooks()
    assert hooks.progress is Progress
    hooks.notify("loading tiny")
    assert capsys.readouterr() == ("", "loading tiny\n")


def test_a_quiet_command_shows_neither_progress_nor_notices(capsys: pytest.CaptureFixture[str]) -> None:
    set_quiet(True)
    try:
        hooks = terminal_hooks()
        hooks.notify("loading tiny")
    finally:
        set_quiet(False)
    assert hooks.progress is not Progress
    assert capsys.readouterr() == ("", "")
