"""The command line as ``python -m tts``."""

from tts.cli import main

main()
