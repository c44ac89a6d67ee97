"""``tts view``: the page of a report over a local server."""
