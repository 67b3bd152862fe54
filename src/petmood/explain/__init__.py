"""A bundle and a picture -> where the evidence for its answer lies."""

from petmood.explain.explanation import (
    Background,
    Explained,
    Explanation,
    Explanations,
    Maps,
    Near,
    Plan,
    batches,
    explain,
    finish,
    plan,
    to_facts,
)
from petmood.explain.sheet import overlay, sheet

__all__ = [
    "Background",
    "Explained",
    "Explanation",
    "Explanations",
    "Maps",
    "Near",
    "Plan",
    "batches",
    "explain",
    "finish",
    "overlay",
    "plan",
    "sheet",
    "to_facts",
]
