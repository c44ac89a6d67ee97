"""Files are read whole, and written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts.errors import InputError
from tts.files import Kind, Output, atomic_path, check_outputs, read_bytes


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


MARKED = (
    ("a.json", "JSON file", b'{\n "command": "tts compare",\n "pool": {}}'),
    ("a.png", "picture", b"\x89PNG\r\n\x1a\n....tEXtSoftware\0tts compare...."),
    ("a.svg", "picture", b"<?xml version='1.0'?>\n<svg><dc:title>tts compare</dc:title></svg>"),
    ("a.pdf", "picture", b"%PDF-1.4\n" + bytes(1 << 18) + b"<< /Creator (tts compare) >>"),
    ("a.md", "table", b"<!-- tts compare -->\n\n| strategy |"),
    ("a.tex", "table", b"% tts compare\n% needs"),
    ("a.csv", "table", b"strategy,frontier,accuracy\n"),
)


@pytest.mark.parametrize(("name", "kind", "content"), MARKED)
def test_a_file_is_replaced_by_the_command_that_wrote_it_and_by_force(
    tmp_path: Path, name: str, kind: Kind, content: bytes
) -> None:
    path = tmp_path / name
    output = Output(path, kind, "strategy,frontier,")

    def check(command: str = "tts compare", *, force: bool = False) -> None:
        check_outputs([output], [], command=command, force=force)

    check()
    path.write_bytes(content)
    check()
    others = [b"", b"mine", content.replace(b"tts compare", b"tts run").replace(b"strategy", b"method")]
    others += [other for _, of, other in MARKED if of != kind]
    for other in others:
        path.write_bytes(other)
        with pytest.raises(InputError, match=f"exists already and is no {kind} of `tts compare`: .* --force"):
            check()
        check(force=True)


@pytest.mark.parametrize("name", ["a.json", "p.sqlite", "p.jsonl", "p.jsonl.gz", "p.parquet"])
def test_a_pool_is_replaced_by_another_pool_only(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"SQLite format 3\0...")
    with pytest.raises(InputError, match="is a pool of samples, or has the name of one, and no JSON file replaces it"):
        check_outputs([Output(path, "JSON file")], [], command="tts run", force=True)
    with pytest.raises(InputError, match="exists already: give another name, or --force to replace it"):
        check_outputs([Output(path, "pool")], [], command="tts pool import")
    check_outputs([Output(path, "pool")], [], command="tts pool import", force=True)


def test_an_input_and_another_output_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(MARKED[0][2])
    with pytest.raises(InputError, match="is an input of this command"):
        check_outputs([Output(path, "JSON file")], [None, str(path)], command="tts compare", force=True)
    with pytest.raises(InputError, match="twice: give the outputs of this command different names"):
        check_outputs([Output(path, "JSON file"), Output(path, "table")], [], command="tts compare", force=True)
