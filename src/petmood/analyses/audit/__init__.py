"""Whether figures on a data set can be trusted: copies, leaks, labels, shortcuts."""
