"""The study: what the tutorials claim, measured again with seeds and intervals."""
