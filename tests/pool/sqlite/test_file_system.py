"""A pool on a network file system is refused before it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts.errors import InputError
from tts.pool import PoolStore
from tts.pool.sqlite import file_system


def test_a_network_file_system_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    shared = tmp_path / "shared"
    shared.mkdir()
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"40 22 0:44 / {shared} rw,relatime shared:1 - nfs4 host:/export rw\nnonsense\n"
    )
    monkeypatch.setattr(file_system, "MOUNTS", mounts)
    assert file_system.kind_of(tmp_path / "p.sqlite") == "ext4"
    with pytest.raises(InputError, match=r"p\.pool: is on a network file system \(nfs4\), where SQLite can lose"):
        PoolStore.create_or_open(shared / "p.pool")
    assert not (shared / "p.pool").exists()
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "none")
    assert file_system.kind_of(shared) == ""
