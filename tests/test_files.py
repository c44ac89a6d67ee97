"""Files are read whole, and written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts.errors import InputError
from tts.files import atomic_path, read_bytes


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a") == b"abc"
    with pytest.raises(InputError, match="none: no such file"):
        read_bytes(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path)


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "a.gz"
    with atomic_path(target) as temp:
        assert temp.name.endswith("a.gz") and not target.exists()
        temp.write_text("new")
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]


def test_a_block_that_raises_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temp:
        temp.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with atomic_path(tmp_path / "link") as temp:
        temp.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a").read_text() == "new"


def test_a_place_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the directory .* does not exist"), atomic_path(tmp_path / "x" / "a"):
        pass
    with pytest.raises(InputError, match="it exists and is not a regular file"), atomic_path(tmp_path):
        pass
