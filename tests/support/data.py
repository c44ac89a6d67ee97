"""The folder of public data sets and recorded pools, which is not part of the project.

``TTS_DATA`` names it; the default is ``shared/data`` beside the project's folder. Tests that need it skip with a reason
where it is absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("TTS_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def data_file(name: str) -> Path:
    """Return a file of the data folder, or skip the test where it is absent."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"needs {name} from the data folder {DATA} (set TTS_DATA)")
    return path
