"""Features -> clusters, and what the clusters are made of."""
