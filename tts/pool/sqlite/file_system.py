"""The file system that a pool is on: SQLite's log needs memory that all its processes share, so a local one."""

from __future__ import annotations

import os
from pathlib import Path

from tts.errors import InputError

NETWORK = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "fuse.sshfs"))
"""Names of file systems of which several machines see one."""
MOUNTS = Path("/proc/self/mountinfo")


def check_local(path: str | os.PathLike[str]) -> None:
    """Refuse to write a pool on a network file system; where the system does not list mounts, nothing is refused.

    Raises:
        InputError: naming the file system.
    """
    kind = kind_of(path)
    if kind in NETWORK:
        raise InputError(
            f"{path}: is on a network file system ({kind}), where SQLite can lose samples: write to a local disk and "
            "copy the pool when the command has ended, or join pools of several machines by `tts pool merge`"
        )


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the name of the file system that a path is on, or will be; empty where it is not known."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real, best, kind = Path(os.path.realpath(path)), -1, ""
    for line in lines:
        mounted, _, source = line.partition(" - ")
        fields, named = mounted.split(" "), source.split(" ")
        if len(fields) < 5 or not named[0]:
            continue
        place = Path(fields[4].replace("\\040", " "))
        if real.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), named[0]
    return kind
