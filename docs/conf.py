"""The Sphinx configuration of the pages; ``make docs`` builds them, and a broken link or reference fails the build."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Note|Example):")
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

from configuration_reference import page  # noqa: E402

from tts import __version__  # noqa: E402

project = "tts"
author = "The tts authors"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "tts"

myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # shell blocks with an ellipsis

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_use_ivar = True


def write_configuration(app: Any) -> None:
    """Write the configuration reference from the schemas, before Sphinx reads the pages."""
    target = DOCS / "configuration.md"
    text = page()
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def mark_examples(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Mark the indented examples of a docstring as code; they stand before its sections."""
    marked: list[str] = []
    for number, line in enumerate(lines):
        if SECTION.fullmatch(line):
            marked += lines[number:]
            break
        follows = not marked or not marked[-1].strip()
        inside = any(text.startswith("    ") for text in marked[-2:])
        if line.startswith("    ") and follows and not inside:
            marked += [".. code-block:: python", ""]
        marked.append(line)
    lines[:] = marked


def setup(app: Any) -> None:
    """Register the generation of the configuration reference, and the reader of examples."""
    app.connect("config-inited", lambda app, config: write_configuration(app))
    app.connect("autodoc-process-docstring", mark_examples, priority=400)  # before napoleon
