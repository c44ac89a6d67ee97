"""The trackers themselves, offline: what they hold after a run and after the same command again."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.cases import FAKE, TASK, Tts

COMMAND = ("run", *FAKE, *TASK, "budget=2", "strategies=self_consistency,esc")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def needs(name: str) -> pytest.MarkDecorator:
    """A mark that skips where a tracker is not installed."""
    spec = find_spec(name)
    return pytest.mark.skipif(spec is None or spec.origin is None, reason=f"needs {name}: pip install {name}")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR", "TRACKIO_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@needs("wandb")
def test_wandb_offline(tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for _ in range(2):
        ran = tts(*COMMAND, "out=run.sqlite", "track=wandb")
        assert ran.status == 0 and "warning: wandb failed" not in ran.err, ran.err
    names = [path.name for path in tmp_path.rglob("run-*.wandb")]
    assert len(names) == 2 and len({*names}) == 1  # two sessions of one id, which `wandb sync` joins


@needs("mlflow")
def test_mlflow_in_a_database(tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path / 'mlflow.db'}" if find_spec("sqlalchemy") else f"file://{tmp_path / 'mlruns'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for _ in range(2):
        ran = tts(*COMMAND, "out=run.sqlite", "track=mlflow")
        assert ran.status == 0 and "warning: mlflow failed" not in ran.err, ran.err
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("tts")
    assert experiment is not None
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["engine.kind"] == "fake"
    assert 0.0 <= run.data.metrics["esc/accuracy_low"] <= run.data.metrics["esc/accuracy"] <= 1.0
    if find_spec("vl_convert"):
        [report] = client.list_artifacts(run.info.run_id)
        assert report.path.startswith("report-")


@needs("trackio")
def test_trackio_on_this_machine(tts: Tts, tmp_path: Path) -> None:
    for _ in range(2):
        ran = tts(*COMMAND, "out=run.sqlite", "track=trackio")
        assert ran.status == 0 and "warning: trackio failed" not in ran.err, ran.err
    from trackio.sqlite_storage import SQLiteStorage

    [name] = SQLiteStorage.get_runs("tts")
    logged = SQLiteStorage.get_logs("tts", name)
    assert len(logged) == 2 and 0.0 <= logged[0]["esc/accuracy"] <= 1.0
