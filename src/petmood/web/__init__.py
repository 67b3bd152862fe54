"""A bundle behind HTTP: an API for programs and a page for people (extra `web`)."""
