"""What a run asks of a data set: each analysis a folder with its facts, computation, words and section."""
