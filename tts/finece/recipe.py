"""placeholder"""

from dataclasses import dataclass


@dataclass
class Recipe:
    """placeholder"""

    seed: int = 0
