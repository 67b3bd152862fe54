"""Results in, one self-contained page for people out: facts, sentences, charts and HTML."""
