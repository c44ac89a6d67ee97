"""The vocabulary: what a strategy asks for, what it gets and what it decides.

Frozen, slotted data only: knows nothing about models, numpy, event loops or files.
"""

from tts.types.draws import CONFIDENCE_BELOW, END, ENTROPY_ABOVE, GROUP_BELOW, STEP, STEP_BELOW, TOKENS, Boundary, Draw
from tts.types.messages import Message, ToolCall
from tts.types.samples import SAMPLE_EXTRAS, Decision, End, Problem, Sample, Usage, content_ids, mass_line, total_usage
from tts.types.trace import COLUMNS, EVERY_COLUMN, LIVE_COLUMNS, PER_TOKEN, Alternative, Column, Signals, Trace

__all__ = [
    "COLUMNS",
    "CONFIDENCE_BELOW",
    "END",
    "ENTROPY_ABOVE",
    "EVERY_COLUMN",
    "GROUP_BELOW",
    "LIVE_COLUMNS",
    "PER_TOKEN",
    "SAMPLE_EXTRAS",
    "STEP",
    "STEP_BELOW",
    "TOKENS",
    "Alternative",
    "Boundary",
    "Column",
    "Decision",
    "Draw",
    "End",
    "Message",
    "Problem",
    "Sample",
    "Signals",
    "ToolCall",
    "Trace",
    "Usage",
    "content_ids",
    "mass_line",
    "total_usage",
]
