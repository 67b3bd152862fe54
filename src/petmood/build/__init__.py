"""Trained classifiers -> bundles: fitted, calibrated, judged, saved."""
