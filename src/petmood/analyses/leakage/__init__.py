"""The leakage meter: models and controls under splits that leak and splits that do not."""
