"""The names that pool files use for the fields of :mod:`tts.types`; files that are already drawn fix them."""

from __future__ import annotations

from tts.types import Usage

USAGE = {field: "kept" if field == "delivered" else field for field in Usage.__slots__}
"""The stored name of each token count, by the field of ``Usage``."""
