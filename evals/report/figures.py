"""Parts that all plots share: their style, one fixed colour a strategy, labels at the ends of lines, and files.

Needs matplotlib (extra ``plot``) inside its functions only. Figures are made without pyplot, so that the caller's
backend stays as it is.
"""

from __future__ import annotations

import base64
import html
import io
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tts.errors import InputError, UnsupportedError
from tts.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
STYLE: Any = {
    "svg.hashsalt": "tts",
    "text.parse_math": False,  # a dollar sign in a name is no formula
    "pdf.fonttype": 42,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
BLACK, GREY, LIGHT = "#000000", "#555555", "#c8c8c8"
BLUE, RED = "#0072b2", "#d55e00"
_FIXED = {
    "self_consistency": BLACK,
    "confidence_weighted_voting": BLUE,
    "early_stopped_best_of_n": RED,
    "confidence_gated_self_consistency": "#009e73",
    "confidence_pruned_voting": "#cc79a7",
    "confidence_pruned_cges": "#882255",
    "grace_sc": "#56b4e9",
    "grace_es": "#e69f00",
    "grace_es_ltt": "#b8860b",
    "cisc": "#332288",
    "log_odds_vote": "#44aa99",
    "best_of_n": "#aa4499",
    "pandora": "#999933",
    "adaptive_consistency": "#7b5ea7",
    "adaptive_consistency_dirichlet": "#b39ddb",
    "esc": "#a0522d",
    "cats_asc": "#117733",
    "reasc": "#ee8866",
    "cges": "#cc3311",
    "cges_cost": "#ee6677",
    "ppr_1v1": "#4477aa",
    "martingale_majority": "#66a61e",
    "certified_self_consistency": "#00798c",
    "certified_weighted": "#5f9ea0",
    "deepconf_offline": "#6a3d9a",
    "deepconf_online": "#1b9e77",
}
_OTHERS = ("#c51b7d", "#8c510a", "#01665e", "#762a83", "#4d9221", "#b2182b", "#2166ac", "#bf812d")


def colour(name: str) -> str:
    """Return the colour of a strategy, the same in every plot; a composed strategy's follows from its name."""
    return _FIXED.get(name) or _OTHERS[zlib.crc32(name.encode(errors="backslashreplace")) % len(_OTHERS)]


def check(path: str) -> None:
    """Refuse a plot that cannot be drawn, before any work is done.

    Raises:
        InputError: a suffix other than .png, .svg or .pdf.
        UnsupportedError: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(f"plot {path} must end in .png, .svg or .pdf")
    check_installed()


def check_installed() -> None:
    """Refuse to plot without matplotlib.

    Raises:
        UnsupportedError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UnsupportedError("a plot needs matplotlib: pip install 'tts-rerank[plot]'") from None


def save(figure: Figure, path: str | Path, *, command: str) -> None:
    """Write a figure atomically; the same figure gives the same bytes.

    Args:
        figure: the figure.
        path: .png, .svg or .pdf.
        command: the command that draws it, such as "tts compare": the file names it as its creator.
    """
    import matplotlib

    check(str(path))
    suffix = Path(path).suffix[1:].lower()
    made = {"Creator": command}
    metadata = {"png": {"Software": command}, "svg": {"Date": None, **made}, "pdf": {"CreationDate": None, **made}}
    with matplotlib.rc_context(STYLE), atomic_path(Path(path)) as target, any_script():
        figure.savefig(target, dpi=150, format=suffix, metadata=metadata[suffix])


def html_image(figure: Figure, *, alt: str) -> str:
    """Return a figure as an HTML image that holds its PNG.

    Args:
        figure: the figure.
        alt: the text in its place.
    """
    import matplotlib

    drawn = io.BytesIO()
    with matplotlib.rc_context(STYLE), any_script():
        figure.savefig(drawn, dpi=100, format="png")
    content = base64.b64encode(drawn.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{content}">'


@contextmanager
def any_script() -> Iterator[None]:
    """Draw names in scripts that the font lacks without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def printable(text: str) -> str:
    """Return text that a font can draw: a character that is no Unicode becomes an escape."""
    return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a line, to stand at its end (x, y), in data coordinates."""

    text: str
    x: float
    y: float
    colour: str


SIZE = 8.5
"""The size of the names at the ends of lines, in points."""


def _extent(axes: Any) -> tuple[float, float]:
    """Return the height of a line of names and the width of one of its characters, in pixels."""
    pixel = axes.figure.dpi / 72
    return 1.25 * SIZE * pixel, 0.58 * SIZE * pixel


def make_room(axes: Any, labels: Sequence[Label]) -> None:
    """Move the upper limit of a log axis so that the names right of their lines fit into the axes.

    The place of the axes must be final.

    Args:
        axes: the axes of the lines.
        labels: one a line, within the limits.
    """
    _, char = _extent(axes)
    width, (low, high) = axes.get_window_extent().width, np.log(axes.get_xlim())
    needed = [
        (np.log(label.x) - low) / max(0.2, 1 - (len(label.text) + 3) * char / width) for label in labels if label.x > 0
    ]
    axes.set_xlim(np.exp(low), np.exp(low + max([high - low, *needed])))


def label_ends(axes: Any, labels: Sequence[Label]) -> None:
    """Write the names of lines at their ends, moved up or down where they would overlap, with a thin leader then.

    The limits and the place of the axes must be final.

    Args:
        axes: the axes of the lines.
        labels: one a line.
    """
    pixel = axes.figure.dpi / 72
    from matplotlib.patheffects import withStroke

    height, char = _extent(axes)
    bottom, top = (axes.transAxes.transform((0, end))[1] for end in (0, 1))
    marks = [axes.transData.transform((label.x, label.y)) for label in labels]
    taken = [(x - 4 * pixel, x + 4 * pixel, y) for x, y in marks]
    for label in sorted(labels, key=lambda one: (-one.y, one.text)):
        x, y = axes.transData.transform((label.x, label.y))
        left, right = x + 7 * pixel, x + 7 * pixel + char * len(label.text)
        places = (y + sign * step * height / 4 for step in range(200) for sign in (1, -1))
        free = next(
            (
                at
                for at in places
                if bottom + height / 2 <= at <= top - height / 2
                and all(right < low or left > high or abs(at - there) >= height for low, high, there in taken)
            ),
            y,
        )
        taken.append((left, right, free))
        moved = abs(free - y) > height / 4
        axes.annotate(
            printable(label.text),
            (label.x, label.y),
            xytext=axes.transData.inverted().transform((left, free)),
            color=label.colour,
            fontsize=SIZE,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "alpha": 0.6} if moved else None,
            zorder=6,
            path_effects=[withStroke(linewidth=2.5, foreground="white", alpha=0.85)],
        )
