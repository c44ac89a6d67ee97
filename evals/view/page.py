"""The page of a view: that of a report, but with its questions asked of the server, and the library of its charts."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import cache

from evals.report_page.page_parts import BEFORE, VIEWS, html, inline, part, policy

COMMAND = "tts view"
SCRIPTS = (*BEFORE, "served.js", *VIEWS)
"""The scripts, in the order in which they are loaded."""
_STATUS = '<p id="status" role="status"></p>\n'
_MAKE = "import sys; from evals.report_page.page_parts import chart_library; sys.stdout.write(chart_library())"


def view_page(nonce: str) -> tuple[str, str]:
    """Return the page and its content security policy.

    The policy is that of a report, with requests to the same server, and the library of charts named by the nonce.

    Args:
        nonce: not to be used for another answer.
    """
    library = f'<script id="library" type="text/plain" nonce="{nonce}" data-src="library.js"></script>\n'
    more = (f"script-src 'nonce-{nonce}'", "connect-src 'self'", "frame-ancestors 'none'")
    allowed = policy([part(name) for name in SCRIPTS], part("style.css"), *more)
    return html(
        COMMAND, f"{library}{_scripts()}", policy=None, note="and asks this server alone", before=_STATUS
    ), allowed


@cache
def _scripts() -> str:
    return inline([part(name) for name in SCRIPTS])


class ChartLibrary:
    """The library of the charts, made in a process of its own: it takes seconds, in which pages are answered."""

    def __init__(self) -> None:
        """Begin to make it."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MAKE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        self._text = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> bytes:
        """Return the script once it is made; empty where it cannot be made."""
        self._thread.join()
        return self._text

    def end(self) -> None:
        """Give up making it."""
        self._process.kill()
        self._thread.join()

    def _read(self) -> None:
        self._text, _ = self._process.communicate()
