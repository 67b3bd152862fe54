"""Whole jobs, composed of stages: the only place that knows all of them."""
