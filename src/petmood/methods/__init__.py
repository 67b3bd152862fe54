"""Registered methods under one protocol: read, compared, and the best chosen honestly."""
