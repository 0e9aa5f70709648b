"""The study: the claims of the tutorials, measured again with several seeds and confidence intervals."""
