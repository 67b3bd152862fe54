"""Labels in doubt: how many may be wrong, and which photos to look at first."""
