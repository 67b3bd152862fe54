"""Whole jobs, thin: each composed of the rooms below. What a user can fix is raised as a `PetmoodError`."""
