"""Sets too large for one process: images -> shards of vectors, by threads here or by Ray; shards -> clusters."""
