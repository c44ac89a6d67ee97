"""``python -m tts.cli``: the same as ``tts``."""

from tts.cli import main

main()
