"""Probe of a container: status 0 while the gateway takes questions, asked with the key of monitoring.

    python ready.py [URL] [FILE]

Every path but /healthz wants a key, and probes by HTTP cannot read one from a secret.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.request import Request, urlopen

URL, KEY = "http://127.0.0.1:8321/readyz", "/etc/tts/keys/monitoring"

if __name__ == "__main__":
    url, file = [*sys.argv[1:], *(URL, KEY)[len(sys.argv) - 1 :]]
    try:
        urlopen(Request(url, headers={"Authorization": f"Bearer {Path(file).read_text().strip()}"}), timeout=4).close()
    except OSError as error:  # an error of HTTP is one too
        sys.exit(f"not ready: {error}")
