"""Files read and written whole, and the one rule for what an output may replace.

A file is written under a temporary name beside it, then renamed over it. An output replaces an existing file only where
the same command wrote it, as the file itself says, or by force; see :func:`check_outputs`.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from tts.errors import InputError

Kind = Literal["JSON file", "JSON Lines file", "picture", "table", "page", "pool"]

_MARKS: dict[Kind, bytes] = {
    "JSON file": rb'\A\s*\{\s*"command": "%s"',
    "picture": rb"\A\x89PNG.*tEXtSoftware\0%s|\A<\?xml.*<dc:title>%s</dc:title>|\A%%PDF.*/Creator \(%s\)",
    "page": rb"\A<!DOCTYPE html>\n<!-- %s -->",
    "table": rb"\A<!-- %s -->|\A%% %s\n",
}
"""The place in each kind of file at which a command leaves its name, which %s stands for."""
_ENDS = 1 << 16
"""The bytes at each end of a file in which that place is looked for."""
_POOL_FOLDER = ".pool"
_POOL_NAMES = (".sqlite", ".db", _POOL_FOLDER, ".parquet", ".jsonl", ".jsonl.gz")
_POOL_BYTES = (b"SQLite format 3\0", b"PAR1")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same directory, which becomes ``path`` when the block ends well.

    The temporary name ends in the target's own name, so a writer that picks its format by suffix (gzip, matplotlib)
    works on it. It does not exist yet: the block creates it, with the usual permissions. A link is followed, so its
    target is what gets replaced. When the block raises, everything named after the temporary path is removed and
    ``path`` is what it was before.

    Raises:
        InputError: where the directory is missing, ``path`` exists and is no regular file, or writing fails (no space,
            no permission).
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: the directory {target.parent} does not exist")
    if target.exists() and not target.is_file():
        raise InputError(f"cannot write {path}: it exists and is not a regular file")
    temp = target.with_name(f".tmp-{os.urandom(4).hex()}-{target.name}")
    try:
        yield temp
        with temp.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temp, target)
    except OSError as error:
        # Only what concerns this file is a person's business; another file's error keeps its own type.
        if error.filename is None or str(error.filename) == str(temp):
            raise InputError(f"cannot write {path}: {error.strerror or error}") from error
        raise
    finally:
        for leftover in target.parent.glob(glob.escape(temp.name) + "*"):
            with suppress(OSError):
                leftover.unlink()


def open_bytes(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading.

    Raises:
        InputError: where it is missing, is a directory or cannot be read.
    """
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file whole.

    Raises:
        InputError: where it is missing, is a directory or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command writes.

    Attributes:
        path: the file; None where the option was not given.
        kind: what is written. JSON files, pictures and Markdown and LaTeX tables name the command that wrote them.
        head: the start of the first line of the command's JSON Lines files and CSV tables, which have no place for its
            name.
    """

    path: Path | None
    kind: Kind
    head: str = ""


def check_outputs(
    outputs: Iterable[Output], inputs: Iterable[str | os.PathLike[str] | None], *, command: str, force: bool = False
) -> None:
    """Refuse outputs that cannot be written, or that would replace another file, before any work is done.

    An existing file is replaced where it is of the kind that is written and names the same command, else only by
    ``force``. An input, another output of the same command and a pool (by anything but a pool) are never replaced.

    Args:
        outputs: the files to write.
        inputs: the files that the command reads; None for one that was not given.
        command: the command, such as "tts compare".
        force: replace other existing files, too.

    Raises:
        InputError: naming the file, and what to do.
    """
    read = [path for path in inputs if path is not None]
    written = set[str]()
    for output in outputs:
        if output.path is None:
            continue
        check_writable(output.path, read)
        if (real := os.path.realpath(output.path)) in written:
            raise InputError(f"cannot write {output.path} twice: give the outputs of this command different names")
        written.add(real)
        check_replaced(output, command=command, force=force)


def check_writable(path: Path, inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse a file whose folder does not exist, that is no regular file, or that is an input.

    Args:
        path: the file to write.
        inputs: the files that the command reads.

    Raises:
        InputError: naming the file.
    """
    real = Path(os.path.realpath(path))
    if not real.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {real.parent} does not exist")
    folder = real.name.lower().endswith(_POOL_FOLDER)
    if real.exists() and not (real.is_dir() if folder else real.is_file()):
        raise InputError(f"cannot write {path}: it exists and is not a {'folder' if folder else 'regular file'}")
    for other in map(Path, inputs):
        if real.exists() and other.exists() and real.samefile(other):
            raise InputError(f"cannot write {path}: it is an input of this command; give another name")


def check_replaced(output: Output, *, command: str, force: bool, forced_by: str = "--force") -> None:
    """Refuse to replace an existing file that the same command did not write.

    Args:
        output: the file to write.
        command: the command, such as "tts compare".
        force: replace any file; a pool is still replaced by another pool only.
        forced_by: the words that force it, for the error.

    Raises:
        InputError: naming the file, and what to do.
    """
    path = output.path
    if path is None or not path.exists():
        return
    own = _names(output, command)
    if output.kind != "pool" and _is_pool(path) and not (own and output.kind == "JSON Lines file"):
        raise InputError(
            f"cannot write {path}: it is a pool of samples, or has the name of one, and no {output.kind} replaces it; "
            "give another name"
        )
    if force or own:
        return
    origin = "" if output.kind == "pool" else f" and is no {output.kind} of `{command}`"
    raise InputError(f"{path} exists already{origin}: give another name, or {forced_by} to replace it")


def _is_pool(path: Path) -> bool:
    return path.name.lower().endswith(_POOL_NAMES) or _ends(path).startswith(_POOL_BYTES)


def _names(output: Output, command: str) -> bool:
    """Return True if an existing file is of the output's kind and names the command."""
    if output.path is None or output.kind == "pool":
        return False
    found = _ends(output.path)
    if output.kind == "JSON Lines file" or (output.head and output.path.suffix.lower() == ".csv"):
        return found.startswith(output.head.encode())
    pattern = _MARKS[output.kind].replace(b"%s", re.escape(command.encode())).replace(b"%%", b"%")
    return re.search(pattern, found, re.DOTALL) is not None


def _ends(path: Path) -> bytes:
    """Return the first and the last bytes of a file, all of a small one."""
    try:
        with path.open("rb") as file:
            first = file.read(_ENDS)
            file.seek(max(len(first), path.stat().st_size - _ENDS))
            return first + file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
