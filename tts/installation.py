"""The installation: the three top-level packages of this project, two of which have names that others use too."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tts.errors import InputError

PROJECT = "tts-rerank"
"""The name of the project, which the first file of each package holds."""
COMPANIONS = ("strategies", "evals")


def check_packages() -> None:
    """Refuse packages of other projects that hide those of this one, such as OpenAI's ``evals``; imports neither.

    Raises:
        InputError: naming the package and its place.
    """
    here = Path(__file__).resolve().parents[1]
    for package in COMPANIONS:
        place = _place(package)
        if place is None:
            raise InputError(f"the package {package} of {PROJECT} is missing: install {PROJECT} again")
        if place != here / package or not _is_ours(place):
            raise InputError(
                f"{place} is a package of another project and hides the {package} of {PROJECT}: take it off "
                f"PYTHONPATH, start in another folder, or install {PROJECT} in an environment of its own"
            )


def _place(package: str) -> Path | None:
    """Return the folder that an import of a package reads; None where it finds no package with a first file."""
    try:
        found = find_spec(package)
    except ValueError:  # a module that was put in place by hand
        return None
    return None if found is None or found.origin is None else Path(found.origin).resolve().parent


def _is_ours(folder: Path) -> bool:
    """Return whether the first file names this project: another project may be installed in the same folder."""
    try:
        return PROJECT.encode() in (folder / "__init__.py").read_bytes()
    except OSError:  # in an archive, where the place alone counts
        return True
