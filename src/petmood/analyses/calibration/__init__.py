"""Whether probabilities mean what they say, and what is gained by not answering."""
