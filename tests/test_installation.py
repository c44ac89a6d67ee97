"""Packages of other projects with the same names are refused with one sentence, and the command has a second name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tts
from tests.cli.cases import Tts
from tts import installation
from tts.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
START = f"import sys; sys.path.insert(1, {str(ROOT)!r}); "


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a folder whose packages come first."""
    return subprocess.run([sys.executable, "-c", START + code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", installation.COMPANIONS)
def test_a_package_of_another_project_that_comes_first_gets_a_sentence(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported')")
    done = python("sys.argv = ['tts', 'strategies']; from tts.cli import main; main()", tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        f"tts: {tmp_path / package} is a package of another project and hides the {package} of tts-rerank: take it off "
        "PYTHONPATH, start in another folder, or install tts-rerank in an environment of its own\n"
    )


def test_a_package_of_another_project_in_the_same_folder_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("tts", "strategies", "evals"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text('"""Of tts-rerank."""' if package != "evals" else "api = 1")
    monkeypatch.setattr(installation, "__file__", str(tmp_path / "tts" / "installation.py"))
    monkeypatch.setattr(installation, "_place", lambda package: tmp_path / package)
    with pytest.raises(InputError, match=r"evals is a package of another project and hides the evals of tts-rerank: "):
        installation.check_packages()


def test_a_missing_package_gets_a_sentence_in_python_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_place", lambda package: None)
    with pytest.raises(InputError, match=r"^the package strategies of tts-rerank is missing: install "):
        _ = tts.solve


def test_the_packages_of_this_project_pass() -> None:
    installation.check_packages()


def test_the_command_has_a_second_name(
    tts: Tts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tts.cli import main

    monkeypatch.setattr(sys, "argv", ["/usr/bin/tts-rerank", "run", "--help"])
    main()
    assert capsys.readouterr().out.startswith("Usage: tts-rerank run ")
    assert tts("run", "--help").out.startswith("Usage: tts run ")
