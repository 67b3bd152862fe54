"""Predictions under a protocol -> scores with their n and interval."""
