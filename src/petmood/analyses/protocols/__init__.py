"""Protocols beyond one set of folds: repeats, species and animals left out, a learning curve."""
