"""Names, pixels or a user's groups -> which files are of one photo, and what follows from that."""
