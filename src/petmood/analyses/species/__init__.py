"""Species beside mood: how they go together, and what is left of mood without species."""
