"""The scorers ``probe``, ``p_ik`` and ``apricot`` from a configuration."""

from __future__ import annotations

from pathlib import Path

from tts.errors import InputError
from tts.models.head import HeadCard, read_head
from tts.models.resolve import fingerprint
from tts.scorers.base import Scorer
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.heads.scorer import HeadScorer


def open_probe(
    *, path: str, device: str = "cpu", folder: Path | None = None, provenance: Provenance | None = None
) -> Scorer:
    """Build the scorer ``probe``: a linear probe on the hidden states of a response (ActCab).

    Args:
        path: the directory that `tts train head recipe.kind=probe` wrote.
        device: where torch puts the copy of the model that is read.
        folder: the model's local directory; None where it has none.
        provenance: names the model that draws.

    Raises:
        InputError: no such head, or one of another kind or another model.
    """
    return _open("probe", path, device, folder, provenance)


def open_p_ik(
    *, path: str, device: str = "cpu", folder: Path | None = None, provenance: Provenance | None = None
) -> Scorer:
    """Build the scorer ``p_ik``: the probability that the model answers a question, read from the question alone.

    Args:
        path: the directory that `tts train head recipe.kind=p_ik` wrote.
        device: where torch puts the copy of the model that is read.
        folder: the model's local directory; None where it has none.
        provenance: names the model that draws.

    Raises:
        InputError: no such head, or one of another kind or another model.
    """
    return _open("p_ik", path, device, folder, provenance)


def open_apricot(
    *, path: str, device: str = "cpu", folder: Path | None = None, provenance: Provenance | None = None
) -> Scorer:
    """Build the scorer ``apricot``: a head on an auxiliary model that reads question and response.

    Args:
        path: the directory that `tts train head recipe.kind=apricot` wrote.
        device: where torch puts the auxiliary model.
        folder: the model's local directory; None where it has none.
        provenance: names the model that draws.

    Raises:
        InputError: no such head, one of another kind or another model, or its auxiliary model is gone or has changed.
    """
    return _open("apricot", path, device, folder, provenance)


def _open(kind: str, path: str, device: str, folder: Path | None, provenance: Provenance | None) -> HeadScorer:
    place = Path(path).expanduser()
    card, head = read_head(place)
    if card.kind != kind:
        raise InputError(f"{place} is a head of kind {card.kind}, not {kind}: give scorer.name={card.kind}")
    if provenance is not None and card.judges != provenance.model:
        raise InputError(
            f"{place} judges responses of {card.judges} and the model is {provenance.model}: choose that model, or "
            "train a head of this one's with `tts train head`"
        )
    if card.reader:
        return HeadScorer(place, card, head, _auxiliary(place, card), revision=None, device=device)
    if folder is not None:
        return HeadScorer(place, card, head, folder, revision=None, device=device)
    return HeadScorer(place, card, head, card.base, revision=card.revision or None, device=device)


def _auxiliary(place: Path, card: HeadCard) -> Path:
    """Return the directory of the auxiliary model.

    Raises:
        InputError: it is gone, or its files are others than those of the training.
    """
    folder = Path(card.reader)
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{place} reads the auxiliary model {folder}, which is not there: put it back, or write its directory as "
            f"reader into {place / 'head.json'}"
        )
    if fingerprint(folder) != card.extra.get("reader_files"):
        raise InputError(
            f"{place} was fitted on other files of the auxiliary model {folder}: give those, or train the head again "
            "with `tts train head`"
        )
    return folder
