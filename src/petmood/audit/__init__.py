"""A data set and what its images say -> what must be known before any figure on it is trusted."""
