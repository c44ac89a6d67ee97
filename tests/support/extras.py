"""Marks for tests that need an optional package; the package is imported only by the tests that use it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_peft = pytest.mark.skipif(find_spec("peft") is None, reason="needs peft: pip install -e '.[hf]'")
