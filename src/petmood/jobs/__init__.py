"""Whole jobs, one a command: thin, each composed of the stages below."""
