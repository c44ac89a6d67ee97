"""Masses of answers: what the probabilities of the texts drawn so far tell about the model's most probable answer.

- :mod:`~strategies.mass.seen`: the mass of each answer, for one live question and for the rows of a replay.
- :mod:`~strategies.mass.rpc`: perplexity consistency without improbable texts.
- :mod:`~strategies.mass.gated`: votes by mass where the first draws see enough of it, and by count elsewhere.
- :mod:`~strategies.mass.asides`: sentences about questions on which masses told too little.
- :mod:`~strategies.mass.trie`: the draws of a question by their tokens, and the branches that lead to unseen texts.
- :mod:`~strategies.mass.distinct`: draws from these branches, so that no text is drawn twice.

The weighting is :class:`strategies.weighting.Mass`, the certificate :class:`strategies.stopping.MassCertificate`.
"""

from strategies.mass.seen import MassError, SeenMass, check_sum, first_seen, mass_of, numbered_texts, text_of

__all__ = ["MassError", "SeenMass", "check_sum", "first_seen", "mass_of", "numbered_texts", "text_of"]
