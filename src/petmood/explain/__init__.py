"""A bundle and a picture -> where the evidence for its answer lies."""

from petmood.explain.explanation import Background, Explanation, explain
from petmood.explain.sheet import overlay, sheet

__all__ = ["Background", "Explanation", "explain", "overlay", "sheet"]
